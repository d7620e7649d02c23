#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/cpu/cpu_weights.hpp"
#include "backends/cpu/ops/ops.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {
namespace {

// How far ahead of the dots of several tokens rows are fetched, which takes them longer.
constexpr std::uint32_t kRowsAhead = 8;
constexpr std::size_t kLaneBytesAhead = 8192;

// One linear op of some that share their input.
struct Matrix {
  Matrix(CpuDevice& device, const sdk::OpCall& call)
      : weights(static_cast<const CpuWeights&>(call.weights(0))),
        rows(static_cast<std::uint32_t>(weights.rows)),
        kernels(row_kernels(device.kernels(), weights.dtype)),
        y(call.output(0)) {
    if (const auto* const row = static_cast<const CpuWeights*>(call.optional_weights(1)))
      bias = row->vector();
  }

  [[nodiscard]] std::uint32_t tiles() const { return (rows + kTileRows - 1) / kTileRows; }

  const CpuWeights& weights;
  std::uint32_t rows;
  const RowKernels& kernels;
  // Where the bytes of a tile's row r begin; of its last row for those after it.
  [[nodiscard]] const std::byte* address(std::uint32_t tile, std::uint32_t r) const {
    if (weights.is_lanes()) return weights.lane_tile(tile);
    return weights.packed_row(std::min(tile * kTileRows + r, rows - 1));
  }

  float* y;                     // [tokens, rows]
  const float* bias = nullptr;  // [rows]; null without
};

// A tile of a matrix; no matrix: none.
struct Place {
  const Matrix* matrix = nullptr;
  std::uint32_t tile = 0;
};

// Tokens of a batch that go by together, so few that the second cache holds them.
struct TokenBlock {
  std::uint32_t first, n;
};
constexpr std::uint32_t kBlockTokens = 64;

// What a member computes now, of all tiles that it goes through.
struct Step {
  std::uint32_t tile;
  TokenBlock tokens;
  MemberRuns& mine;
  bool last_tokens;  // no more blocks of tokens follow for this run

  // The tile n steps later, or kNone.
  [[nodiscard]] std::uint32_t ahead(std::uint32_t n) const {
    if (last_tokens || tile + n < mine.end()) return mine.ahead(tile, n);
    return MemberRuns::kNone;
  }
};
// Rows of half floats are slower to unpack, and multiply more tokens before they are again.
constexpr std::uint32_t kWideBlockTokens = 512;
// What tiles multiply, in bytes: half of a processor's second cache, where there are tiles.
constexpr std::size_t kTileBlockBytes = 1 << 20;
// Of weights that the tokens' blocks go over.
constexpr std::size_t kRunBytes = 160 << 10;

// y = W x + bias for matrices that share x: for each block of tokens, tile by tile of rows; a tile
// is computed whole by one thread.
class Linears {
 public:
  Linears(CpuDevice& device, std::span<const sdk::OpCall> calls)
      : device_(device),
        n_tokens_(calls[0].input_rows(0)),
        cols_(calls[0].input_width(0)),
        tokens_(all_tokens(device, n_tokens_)) {
    QuantsWanted wanted;
    for (const sdk::OpCall& call : calls) {
      matrices_.emplace_back(device, call);
      const auto& weights = matrices_.back().weights;
      if (weights.is_lanes())
        wanted.add_lanes(weights.dtype, cols_);
      else
        wanted.add(weights.dtype);
    }
    x_ = prepare_activations(device, calls[0].input(0), n_tokens_, cols_, wanted);
    block_tokens_ = std::min(n_tokens_, tokens_at_once());
  }

  void run() {
    std::uint32_t tiles = 0;
    for (const Matrix& matrix : matrices_) tiles += matrix.tiles();
    for_tiles(tiles, 1, [this](const Step& step, float* out) {
      const auto place = [this](std::uint32_t tile) {
        const Matrix* matrix = matrices_.data();
        for (; tile >= matrix->tiles(); ++matrix) tile -= matrix->tiles();
        return Place{matrix, tile};
      };
      const auto [matrix, tile] = place(step.tile);
      const std::uint32_t n = multiply_step(place, step, out);
      float* const y = matrix->y + std::size_t{step.tokens.first} * matrix->rows + tile * kTileRows;
      copy_out(out, step.tokens.n, n, y, matrix->rows);
    });
  }

  // Of two matrices of one shape, act(y_gate) * y_up, and y_gate if that is wanted.
  void run_gated(std::uint32_t activation, std::size_t gate, bool keep_gates, float* hidden) {
    const Matrix& gates = matrices_[gate];
    const Matrix& ups = matrices_[1 - gate];
    if (n_tokens_ == 1) return run_gated_alone(activation, gates, ups, keep_gates, hidden);
    for_tiles(gates.tiles(), 2, [&](const Step& step, float* out) {
      float* const up_out = out + std::size_t{step.tokens.n} * kTileRows;
      const std::uint32_t n = multiply_step(
          [&](std::uint32_t tile) {
            return Place{&gates, tile};
          },
          step, out);
      multiply_step([&](std::uint32_t tile) { return Place{&ups, tile}; }, step, up_out);
      const std::size_t at = std::size_t{step.tokens.first} * gates.rows + step.tile * kTileRows;
      if (keep_gates) copy_out(out, step.tokens.n, n, gates.y + at, gates.rows);
      for (std::uint32_t t = 0; t < step.tokens.n; ++t)
        device_.kernels().activate(activation, out + std::size_t{t} * kTileRows,
                                   up_out + std::size_t{t} * kTileRows, n,
                                   hidden + at + std::size_t{t} * gates.rows);
    });
  }

 private:
  // The same for one token: a run's gates, then its ups. Each member reads one stream of memory so,
  // where two in turns are slower.
  void run_gated_alone(std::uint32_t activation, const Matrix& gates, const Matrix& ups,
                       bool keep_gates, float* hidden) {
    constexpr std::uint32_t kRunTiles = 64;
    const std::size_t tile_bytes = 2 * gates.weights.stride() * kTileRows;
    const TileShares shares(device_, gates.tiles(), tile_bytes, kRunTiles);
    const std::size_t half = std::size_t{gates.tiles()} * kTileRows;
    const MemberScratch scratch(device_.workspace(), device_.team().members(),
                                2 * half * sizeof(float));
    device_.team().parallel_members(shares.size(), [&](std::size_t member) {
      auto* const gate_out = reinterpret_cast<float*>(scratch.of(member));
      float* const up_out = gate_out + half;
      for (MemberRuns mine(shares, member); mine.any(); mine.advance()) {
        const std::uint32_t n_tiles = mine.end() - mine.first();
        // Of the run's tiles, gates first.
        const auto place = [&](std::uint32_t i) {
          if (i < n_tiles) return Place{&gates, mine.first() + i};
          if (i < 2 * n_tiles) return Place{&ups, mine.first() + i - n_tiles};
          const std::uint32_t next = mine.ahead(mine.end() - 1, 1 + i - 2 * n_tiles);
          return next == MemberRuns::kNone ? Place{} : Place{&gates, next};
        };
        std::uint32_t n = 0;
        for (std::uint32_t i = 0; i < 2 * n_tiles; ++i) {
          float* const out =
              i < n_tiles ? gate_out + i * kTileRows : up_out + (i - n_tiles) * kTileRows;
          n = multiply(
              place(i), [&](std::uint32_t ahead) { return place(i + ahead); }, {0, 1}, out);
        }
        const std::uint32_t at = mine.first() * kTileRows, rows = (n_tiles - 1) * kTileRows + n;
        if (keep_gates) std::memcpy(gates.y + at, gate_out, rows * sizeof(float));
        device_.kernels().activate(activation, gate_out, up_out, rows, hidden + at);
      }
    });
  }

  // Whether some rows multiply with 8-bit quants.
  static bool is_integer(const Activations& x) {
    return x.quants != nullptr || x.eights != nullptr;
  }
  [[nodiscard]] std::uint32_t tokens_at_once() const {
    if (x_.tile_quants == nullptr && x_.halves == nullptr)
      return x_.wide_quants != nullptr && !is_integer(x_) ? kWideBlockTokens : kBlockTokens;
    // Of a token: two terms of 2 bytes, or quants with a scale and a sum of each 32.
    const std::size_t bytes = x_.halves != nullptr ? cols_ * 4 : units_of(cols_) * (kUnit + 64);
    const std::size_t fit = kTileBlockBytes / bytes / kWideTokens * kWideTokens;
    return static_cast<std::uint32_t>(std::clamp<std::size_t>(fit, kBlockTokens, kWideBlockTokens));
  }

  // n rows of a tile, of some tokens, to y [tokens, rows].
  static void copy_out(const float* tile, std::uint32_t n_tokens, std::uint32_t n, float* y,
                       std::size_t rows) {
    for (std::uint32_t t = 0; t < n_tokens; ++t) copy_row(tile + t * kTileRows, n, y + t * rows);
  }

  // body(step, room for `outputs` tiles of its tokens)
  template <typename Body>
  void for_tiles(std::uint32_t tiles, std::uint32_t outputs, const Body& body) {
    const std::size_t tile_bytes =
        outputs * matrices_[0].weights.stride() * kTileRows * std::max(n_tokens_ / 4, 1u);
    const MemberScratch scratch(device_.workspace(), device_.team().members(),
                                outputs * std::size_t{block_tokens_} * kTileRows * sizeof(float));
    const auto share_out = [&](const TileSource& source, std::size_t parts) {
      device_.team().parallel_members(parts, [&](std::size_t member) {
        auto* const room = reinterpret_cast<float*>(scratch.of(member));
        for (MemberRuns mine(source, member); mine.any(); mine.advance())
          for (std::uint32_t t = 0; t < n_tokens_; t += block_tokens_) {
            const TokenBlock tokens{t, std::min(block_tokens_, n_tokens_ - t)};
            for (std::uint32_t tile = mine.first(); tile < mine.end(); ++tile)
              body(Step{tile, tokens, mine, t + tokens.n == n_tokens_}, room);
          }
      });
    };
    if (n_tokens_ == 1) {
      const TileShares shares(device_, tiles, tile_bytes);
      return share_out(shares, shares.size());
    }
    // Many tokens go over a run in blocks: it should stay in a cache.
    const std::uint32_t most =
        n_tokens_ <= block_tokens_
            ? tiles
            : static_cast<std::uint32_t>(kRunBytes /
                                         (outputs * matrices_[0].weights.stride() * kTileRows)) +
                  1;
    const GuidedRuns runs(device_, tiles, tile_bytes, most);
    share_out(runs, runs.size());
  }

  // A tile's rows times some tokens, into out [tokens, kTileRows]; how many rows it has.
  // place(tile): where a step's tile is.
  template <typename PlaceOf>
  std::uint32_t multiply_step(const PlaceOf& place, const Step& step, float* out) const {
    const auto ahead = [&](std::uint32_t n) {
      const std::uint32_t there = step.ahead(n);
      return there == MemberRuns::kNone ? Place{} : place(there);
    };
    return multiply(place(step.tile), ahead, step.tokens, out);
  }
  // ahead(n): where the n-th tile after it is.
  template <typename Ahead>
  std::uint32_t multiply(const Place& here, const Ahead& ahead, TokenBlock tokens,
                         float* out) const {
    const auto [matrix, tile] = here;
    const std::uint32_t first = tile * kTileRows;
    const std::uint32_t n = std::min(kTileRows, matrix->rows - first);
    if (matrix->weights.is_lanes()) {
      const std::size_t tile_bytes = kTileRows * matrix->weights.stride();
      const Place next = ahead(static_cast<std::uint32_t>(kLaneBytesAhead / tile_bytes) + 1);
      matrix->kernels.dot_lanes(
          matrix->weights.lane_tile(tile),
          next.matrix == nullptr ? nullptr : next.matrix->address(next.tile, 0), cols_, x_,
          tokens_ + tokens.first, tokens.n, out);
    } else {
      dot_rows(*matrix, tile, n, ahead(1), tokens, out);
    }
    if (matrix->bias == nullptr) return n;
    for (std::uint32_t t = 0; t < tokens.n; ++t) {
      float* const y = out + std::size_t{t} * kTileRows;
      device_.kernels().add(y, matrix->bias + first, n, y);
    }
    return n;
  }

  // n rows of a tile, while bytes further ahead come: of these rows, and then of `next`.
  void dot_rows(const Matrix& matrix, std::uint32_t tile, std::uint32_t n, const Place& next,
                TokenBlock tokens, float* out) const {
    const std::byte* rows[kTileRows];
    const std::byte* next_rows[kTileRows];
    const std::size_t stride = matrix.weights.stride(), end = n * stride;
    const std::size_t ahead =
        tokens.n == 1 ? bytes_ahead(matrix.kernels, stride) : kRowsAhead * stride;
    for (std::uint32_t r = 0; r < n; ++r) {
      rows[r] = matrix.address(tile, r);
      const std::size_t at = r * stride + ahead;
      next_rows[r] = at < end                 ? rows[0] + at
                     : next.matrix != nullptr ? next.matrix->address(next.tile, 0) + (at - end)
                                              : rows[r];
    }
    matrix.kernels.dot(rows, next_rows, n, cols_, x_, tokens_ + tokens.first, tokens.n, out);
  }

  CpuDevice& device_;
  std::uint32_t n_tokens_, cols_;
  std::uint32_t block_tokens_ = 0;
  const std::uint32_t* tokens_;
  Activations x_{};
  std::vector<Matrix> matrices_;
};

}  // namespace

void linear(CpuDevice& device, const sdk::OpCall& call) { linears(device, {&call, 1}); }

void linears(CpuDevice& device, std::span<const sdk::OpCall> calls) {
  if (calls[0].input_rows(0) != 0) Linears(device, calls).run();
}

namespace {

void run_gated(CpuDevice& device, std::span<const sdk::OpCall> calls, bool keep_gates) {
  if (calls[0].input_rows(0) == 0) return;
  const sdk::OpCall& activate = calls[2];
  const std::size_t gate = calls[0].output(0) == activate.input(0) ? 0 : 1;
  Linears(device, calls.first(2))
      .run_gated(activate.params<sf_activate_params>().activation, gate, keep_gates,
                 activate.output(0));
}

}  // namespace

void gated_linear(CpuDevice& device, std::span<const sdk::OpCall> calls) {
  run_gated(device, calls, false);
}

void gated_linear_and_gates(CpuDevice& device, std::span<const sdk::OpCall> calls) {
  run_gated(device, calls, true);
}

}  // namespace synfire::cpu
