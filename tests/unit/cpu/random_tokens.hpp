#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "backends/cpu/kernels/kernel_table.hpp"

namespace synfire::cpu {

// Random tokens, as the dot kernels take them.
struct Tokens {
  Tokens(std::uint32_t n_cols, std::uint32_t n_tokens)
      : cols(n_cols), n(n_tokens), x(std::size_t{n} * cols) {
    std::mt19937 random(cols * 17 + 3);
    std::normal_distribution<float> normal;
    for (float& value : x) value = normal(random);
  }
  Activations prepare(const KernelTable& kernels, bool quantized) {
    if (!quantized) return {x.data(), cols, nullptr, nullptr, nullptr, nullptr, nullptr};
    const std::size_t units = units_of(cols);
    quants.assign(n * units * kUnit, 99);
    scales.assign(n * units * 8, 1e9f);
    sums.assign(n * units * 16, 99);
    for (std::size_t t = 0; t < n; ++t)
      kernels.quantize(x.data() + t * cols, cols, quants.data() + t * units * kUnit,
                       scales.data() + t * units * 8, sums.data() + t * units * 16);
    return {x.data(), cols, quants.data(), scales.data(), sums.data(), nullptr, nullptr};
  }
  // With 16-bit quants too; the level must make them.
  Activations prepare_wide(const KernelTable& kernels) {
    const std::size_t block = std::size_t{units_of(cols)} * kWideTokens;
    wide_quants.assign(wide_blocks_of(n) * block * kUnit, 99);
    wide_scales.assign(wide_blocks_of(n) * block, 1e9f);
    for (std::uint32_t t = 0; t < n; t += kWideTokens)
      kernels.quantize_wide(x.data() + std::size_t{t} * cols, cols, std::min(n - t, kWideTokens),
                            cols, wide_quants.data() + t / kWideTokens * block * kUnit,
                            wide_scales.data() + t / kWideTokens * block);
    Activations ready = prepare(kernels, false);
    ready.wide_quants = wide_quants.data();
    ready.wide_scales = wide_scales.data();
    return ready;
  }
  // What a kernel multiplies with.
  [[nodiscard]] double value(std::uint32_t t, std::uint32_t i, bool quantized) const {
    if (!quantized) return x[std::size_t{t} * cols + i];
    const std::size_t unit = std::size_t{t} * units_of(cols) + i / kUnit;
    return static_cast<double>(scales[unit * 8 + i % kUnit / 32]) *
           quants[unit * kUnit + packed_place(i % kUnit)];
  }

  std::uint32_t cols, n;
  std::vector<float> x, scales, wide_scales;
  std::vector<std::int8_t> quants;
  std::vector<std::int16_t> wide_quants;
  std::vector<std::int32_t> sums;
};

}  // namespace synfire::cpu
