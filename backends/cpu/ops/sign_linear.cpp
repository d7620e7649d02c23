#include <algorithm>
#include <vector>

#include "backends/cpu/cpu_weights.hpp"
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
        signs_(static_cast<const CpuWeights&>(call.weights(0))),
        n_tokens_(call.input_rows(0)),
        rows_(static_cast<std::uint32_t>(signs_.rows)),
        width_(call.input_width(0)),
        units_(units_of(width_)),
        x_(prepare_activations(device, call.input(0), n_tokens_, width_,
                               {width_ % 32 == 0, false})),
        y_(call.output(0)) {
    if (const auto* const bias = static_cast<const CpuWeights*>(call.optional_weights(1)))
      bias_ = bias->vector();
  }

  void run() {
    const std::uint32_t tiles = (rows_ + kTileRows - 1) / kTileRows;
    const std::uint32_t per_chunk =
        tiles_per_chunk(device_, tiles, signs_.stride() * kTileRows * n_tokens_);
    device_.team().parallel_for(
        (tiles + per_chunk - 1) / per_chunk, [&](std::size_t chunk, std::size_t) {
          const auto first = static_cast<std::uint32_t>(chunk) * per_chunk * kTileRows;
          run_rows(first, std::min(first + per_chunk * kTileRows, rows_));
        });
  }

 private:
  void run_rows(std::uint32_t first, std::uint32_t end) const {
    for (std::uint32_t row = first; row < end; row += kTileRows)
      for (std::uint32_t t = 0; t < n_tokens_; ++t)
        run_tile(row, std::min(kTileRows, end - row), t);
  }

  void run_tile(std::uint32_t first, std::uint32_t n, std::uint32_t t) const {
    float* const y = y_ + std::size_t{t} * rows_ + first;
    if (x_.quants != nullptr)
      device_.kernels().sign_dot(signs_.packed_row(first), signs_.stride(), n, units_,
                                 x_.quants + std::size_t{t} * units_ * kUnit,
                                 x_.scales + std::size_t{t} * units_ * 8, y);
    else
      for (std::uint32_t r = 0; r < n; ++r) y[r] = plain_dot(first + r, x_.values + t * x_.stride);
    if (bias_ != nullptr) device_.kernels().add(y, bias_ + first, n, y);
  }

  // For widths that are no whole blocks.
  [[nodiscard]] float plain_dot(std::uint32_t row, const float* x) const {
    const std::byte* const bits = signs_.packed_row(row);
    float sum = 0;
    for (std::uint32_t i = 0; i < width_; ++i) {
      const std::uint32_t place = place_in_row(i, width_);
      sum += (std::to_integer<unsigned>(bits[place / 8]) >> place % 8 & 1) != 0 ? -x[i] : x[i];
    }
    return sum;
  }

  CpuDevice& device_;
  const CpuWeights& signs_;
  std::uint32_t n_tokens_, rows_, width_, units_;
  Activations x_;
  float* y_;
  const float* bias_ = nullptr;  // [rows]; null without
};

}  // namespace

void sign_linear(CpuDevice& device, const sdk::OpCall& call) {
  if (call.input_rows(0) != 0) SignLinear(device, call).run();
}

}  // namespace synfire::cpu
