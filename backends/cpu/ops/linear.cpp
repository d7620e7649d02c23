#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/cpu/cpu_weights.hpp"
#include "backends/cpu/ops/ops.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {
namespace {

// How far ahead of the dots rows are fetched: some KiB, so that they come in time and stay. Past
// the end of a matrix a fetch does no harm.
constexpr std::uint32_t kRowsAhead = 8;
constexpr std::size_t kLaneBytesAhead = 8192;

// One linear op of some that share their input.
struct Matrix {
  Matrix(CpuDevice& device, const sdk::OpCall& call)
      : weights(static_cast<const CpuWeights&>(call.weights(0))),
        rows(static_cast<std::uint32_t>(weights.rows)),
        kernels(row_kernels(device.kernels(), weights.dtype)),
        y(call.output(0)) {
    if (const sdk::HostWeights* const bias_row = call.optional_weights(1)) {
      bias.resize(rows);
      dequantize_row(bias_row->dtype, bias_row->data, rows, bias.data());
    }
  }

  [[nodiscard]] std::uint32_t tiles() const { return (rows + kTileRows - 1) / kTileRows; }

  const CpuWeights& weights;
  std::uint32_t rows;
  const RowKernels& kernels;
  float* y;                 // [tokens, rows]
  std::vector<float> bias;  // empty without
};

// Tokens of a batch that go by together, so few that the second cache holds them.
struct TokenBlock {
  std::uint32_t first, n;
};
constexpr std::uint32_t kBlockTokens = 64;
// Rows of half floats are slower to unpack, and multiply more tokens before they are again.
constexpr std::uint32_t kWideBlockTokens = 512;
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
      wanted.add(matrices_.back().weights.dtype, matrices_.back().weights.is_lanes());
    }
    x_ = prepare_activations(device, calls[0].input(0), n_tokens_, cols_, wanted);
    block_tokens_ = std::min(
        n_tokens_, x_.wide_quants != nullptr && !wanted.quants ? kWideBlockTokens : kBlockTokens);
  }

  void run() {
    std::uint32_t tiles = 0;
    for (const Matrix& matrix : matrices_) tiles += matrix.tiles();
    for_tiles(tiles, 1, [this](std::uint32_t tile, TokenBlock tokens, float* out) {
      const Matrix* matrix = matrices_.data();
      for (; tile >= matrix->tiles(); ++matrix) tile -= matrix->tiles();
      const std::uint32_t n = multiply(*matrix, tile, tokens, out);
      float* const y = matrix->y + std::size_t{tokens.first} * matrix->rows + tile * kTileRows;
      for (std::uint32_t t = 0; t < tokens.n; ++t)
        std::memcpy(y + std::size_t{t} * matrix->rows, out + std::size_t{t} * kTileRows,
                    n * sizeof(float));
    });
  }

  // Of two matrices of one shape, act(y_gate) * y_up alone.
  void run_gated(std::uint32_t activation, std::size_t gate, float* hidden) {
    const Matrix& gates = matrices_[gate];
    const Matrix& ups = matrices_[1 - gate];
    for_tiles(gates.tiles(), 2, [&](std::uint32_t tile, TokenBlock tokens, float* out) {
      float* const up_out = out + std::size_t{tokens.n} * kTileRows;
      const std::uint32_t n = multiply(gates, tile, tokens, out);
      multiply(ups, tile, tokens, up_out);
      float* const h = hidden + std::size_t{tokens.first} * gates.rows + tile * kTileRows;
      for (std::uint32_t t = 0; t < tokens.n; ++t)
        device_.kernels().activate(activation, out + std::size_t{t} * kTileRows,
                                   up_out + std::size_t{t} * kTileRows, n,
                                   h + std::size_t{t} * gates.rows);
    });
  }

 private:
  // body(tile, tokens, room for `outputs` tiles of these tokens)
  template <typename Body>
  void for_tiles(std::uint32_t tiles, std::uint32_t outputs, const Body& body) {
    const std::size_t tile_bytes =
        outputs * matrices_[0].weights.stride() * kTileRows * std::max(n_tokens_ / 4, 1u);
    // Many tokens go over a run in blocks: it should stay in a cache.
    const std::uint32_t most =
        n_tokens_ <= block_tokens_
            ? tiles
            : static_cast<std::uint32_t>(kRunBytes /
                                         (outputs * matrices_[0].weights.stride() * kTileRows)) +
                  1;
    const GuidedRuns runs(
        device_, tiles, tile_bytes,
        x_.quants == nullptr ? GuidedRuns::FirstRun::half : GuidedRuns::FirstRun::most, most);
    const MemberScratch scratch(device_.workspace(), device_.team().members(),
                                outputs * std::size_t{block_tokens_} * kTileRows * sizeof(float));
    device_.team().parallel_for(runs.size(), [&](std::size_t run, std::size_t member) {
      for (std::uint32_t t = 0; t < n_tokens_; t += block_tokens_)
        for (std::uint32_t tile = runs.first(run); tile < runs.end(run); ++tile)
          body(tile, TokenBlock{t, std::min(block_tokens_, n_tokens_ - t)},
               reinterpret_cast<float*>(scratch.of(member)));
    });
  }

  // A tile's rows times some tokens, into out [tokens, kTileRows]; how many rows it has.
  std::uint32_t multiply(const Matrix& matrix, std::uint32_t tile, TokenBlock tokens,
                         float* out) const {
    const std::uint32_t first = tile * kTileRows;
    const std::uint32_t n = std::min(kTileRows, matrix.rows - first);
    if (matrix.weights.is_lanes()) {
      const std::byte* const lanes = matrix.weights.lane_tile(tile);
      matrix.kernels.dot_lanes(lanes, lanes + kLaneBytesAhead, cols_, x_, tokens_ + tokens.first,
                               tokens.n, out);
    } else {
      dot_rows(matrix, first, n, tokens, out);
    }
    if (matrix.bias.empty()) return n;
    for (std::uint32_t t = 0; t < tokens.n; ++t) {
      float* const y = out + std::size_t{t} * kTileRows;
      device_.kernels().add(y, matrix.bias.data() + first, n, y);
    }
    return n;
  }

  void dot_rows(const Matrix& matrix, std::uint32_t first, std::uint32_t n, TokenBlock tokens,
                float* out) const {
    const std::byte* rows[kTileRows];
    const std::byte* next_rows[kTileRows];
    for (std::uint32_t r = 0; r < n; ++r) {
      rows[r] = matrix.weights.packed_row(first + r);
      next_rows[r] = rows[r] + kRowsAhead * matrix.weights.stride();
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

void gated_linear(CpuDevice& device, std::span<const sdk::OpCall> calls) {
  if (calls[0].input_rows(0) == 0) return;
  const sdk::OpCall& activate = calls[2];
  const std::size_t gate = calls[0].output(0) == activate.input(0) ? 0 : 1;
  Linears(device, calls.first(2))
      .run_gated(activate.params<sf_activate_params>().activation, gate, activate.output(0));
}

}  // namespace synfire::cpu
