#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/cpu/ops/ops.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {
namespace {

// y = W x + bias, tile by tile of rows; a tile is computed whole by one thread.
class Linear {
 public:
  Linear(CpuDevice& device, const sdk::OpCall& call)
      : device_(device),
        weights_(call.weights(0)),
        n_tokens_(call.input_rows(0)),
        rows_(static_cast<std::uint32_t>(weights_.rows)),
        cols_(static_cast<std::uint32_t>(weights_.cols)),
        dot_(dot_of(device.kernels(), weights_.dtype)),
        x_(prepare_activations(device, call.input(0), n_tokens_, cols_,
                               wants_quants(weights_.dtype))),
        tokens_(all_tokens(device, n_tokens_)),
        y_(call.output(0)) {
    if (const sdk::HostWeights* const bias = call.optional_weights(1)) {
      bias_.resize(rows_);
      dequantize_row(bias->dtype, bias->data, rows_, bias_.data());
    }
  }

  void run() {
    const std::uint32_t tiles = (rows_ + kTileRows - 1) / kTileRows;
    const std::size_t tile_bytes = weights_.row_bytes * kTileRows * std::max(n_tokens_ / 4, 1u);
    const std::uint32_t per_chunk = tiles_per_chunk(device_, tiles, tile_bytes);
    const std::size_t out_bytes = std::size_t{n_tokens_} * kTileRows * sizeof(float);
    const std::size_t dot_bytes = (dot_scratch_bytes(cols_) + 63) / 64 * 64;
    const MemberScratch scratch(device_.workspace(), device_.team().members(),
                                dot_bytes + out_bytes);
    device_.team().parallel_for((tiles + per_chunk - 1) / per_chunk, [&](std::size_t chunk,
                                                                         std::size_t member) {
      std::byte* const own = scratch.of(member);
      const auto first = static_cast<std::uint32_t>(chunk) * per_chunk;
      const std::uint32_t end = std::min(first + per_chunk, tiles);
      for (std::uint32_t tile = first; tile < end; ++tile)
        run_tile(tile * kTileRows, tile + 1 < end, own, reinterpret_cast<float*>(own + dot_bytes));
    });
  }

 private:
  void name_rows(std::uint32_t first, const std::byte** rows) const {
    for (std::uint32_t r = 0; r < kTileRows; ++r)
      rows[r] = weights_.row(std::min(first + r, rows_ - 1));
  }

  void run_tile(std::uint32_t first, bool another_follows, std::byte* scratch, float* out) const {
    const std::uint32_t n = std::min(kTileRows, rows_ - first);
    const std::byte* rows[kTileRows];
    const std::byte* next_rows[kTileRows];
    name_rows(first, rows);
    if (another_follows) name_rows(first + kTileRows, next_rows);
    dot_(rows, another_follows ? next_rows : nullptr, cols_, x_, tokens_, n_tokens_, out, scratch);
    for (std::uint32_t t = 0; t < n_tokens_; ++t) {
      float* const y = y_ + std::size_t{t} * rows_ + first;
      if (bias_.empty())
        std::memcpy(y, out + std::size_t{t} * kTileRows, n * sizeof(float));
      else
        device_.kernels().add(out + std::size_t{t} * kTileRows, bias_.data() + first, n, y);
    }
  }

  CpuDevice& device_;
  const sdk::HostWeights& weights_;
  std::uint32_t n_tokens_, rows_, cols_;
  DotTile dot_;
  Activations x_;
  const std::uint32_t* tokens_;
  float* y_;
  std::vector<float> bias_;  // empty without
};

}  // namespace

void linear(CpuDevice& device, const sdk::OpCall& call) {
  if (call.input_rows(0) != 0) Linear(device, call).run();
}

}  // namespace synfire::cpu
