#include <algorithm>
#include <vector>

#include "backends/cpu/ops/ops.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::cpu {
namespace {

// y = signs x + bias. A tile of rows is computed whole by one thread, for all tokens while the tile
// is in its cache.
class SignLinear {
 public:
  SignLinear(CpuDevice& device, const sdk::OpCall& call)
      : device_(device),
        signs_(call.weights(0)),
        n_tokens_(call.input_rows(0)),
        rows_(static_cast<std::uint32_t>(signs_.rows)),
        width_(call.input_width(0)),
        x_(call.input(0)),
        y_(call.output(0)) {
    if (width_ % 32 == 0) quantize();
    if (const sdk::HostWeights* const bias = call.optional_weights(1)) {
      bias_.resize(rows_);
      dequantize_row(bias->dtype, bias->data, rows_, bias_.data());
    }
  }

  void run() {
    const std::uint32_t tiles = (rows_ + kTileRows - 1) / kTileRows;
    const std::uint32_t per_chunk =
        tiles_per_chunk(device_, tiles, signs_.row_bytes * kTileRows * n_tokens_);
    device_.team().parallel_for(
        (tiles + per_chunk - 1) / per_chunk, [&](std::size_t chunk, std::size_t) {
          const auto first = static_cast<std::uint32_t>(chunk) * per_chunk * kTileRows;
          run_rows(first, std::min(first + per_chunk * kTileRows, rows_));
        });
  }

 private:
  void quantize() {
    Workspace& workspace = device_.workspace();
    const std::size_t n = std::size_t{n_tokens_} * width_;
    quants_ = workspace.get<std::int8_t>(Workspace::quants, n);
    multipliers_ = workspace.get<std::uint8_t>(Workspace::sums, n);
    scales_ = workspace.get<float>(Workspace::scales, n_tokens_);
    const std::uint32_t per_chunk = tiles_per_chunk(device_, n_tokens_, std::size_t{width_} * 4);
    device_.team().parallel_for(
        (n_tokens_ + per_chunk - 1) / per_chunk, [&](std::size_t chunk, std::size_t) {
          const std::size_t first = chunk * per_chunk;
          for (std::size_t t = first; t < std::min<std::size_t>(first + per_chunk, n_tokens_); ++t)
            scales_[t] = device_.kernels().sign_quantize(
                x_ + t * width_, width_, quants_ + t * width_, multipliers_ + t * width_);
        });
  }

  void run_rows(std::uint32_t first, std::uint32_t end) const {
    for (std::uint32_t row = first; row < end; row += kTileRows)
      for (std::uint32_t t = 0; t < n_tokens_; ++t)
        run_tile(row, std::min(kTileRows, end - row), t);
  }

  void run_tile(std::uint32_t first, std::uint32_t n, std::size_t t) const {
    float* const y = y_ + t * rows_ + first;
    if (quants_ != nullptr)
      device_.kernels().sign_dot(signs_.row(first), signs_.row_bytes, n, width_,
                                 quants_ + t * width_, multipliers_ + t * width_, scales_[t], y);
    else
      for (std::uint32_t r = 0; r < n; ++r) y[r] = plain_dot(first + r, x_ + t * width_);
    if (!bias_.empty()) device_.kernels().add(y, bias_.data() + first, n, y);
  }

  // For widths that are no whole blocks.
  [[nodiscard]] float plain_dot(std::uint32_t row, const float* x) const {
    const std::byte* const bits = signs_.row(row);
    float sum = 0;
    for (std::uint32_t i = 0; i < width_; ++i)
      sum += (std::to_integer<unsigned>(bits[i / 8]) >> i % 8 & 1) != 0 ? -x[i] : x[i];
    return sum;
  }

  CpuDevice& device_;
  const sdk::HostWeights& signs_;
  std::uint32_t n_tokens_, rows_, width_;
  const float* x_;
  std::int8_t* quants_ = nullptr;  // null: computed plainly
  std::uint8_t* multipliers_ = nullptr;
  float* scales_ = nullptr;  // by token
  float* y_;
  std::vector<float> bias_;  // empty without
};

}  // namespace

void sign_linear(CpuDevice& device, const sdk::OpCall& call) {
  if (call.input_rows(0) != 0) SignLinear(device, call).run();
}

}  // namespace synfire::cpu
