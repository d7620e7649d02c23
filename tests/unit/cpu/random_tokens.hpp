#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
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
  // With eights too, where the level makes them. Whole units.
  Activations prepare_eights(const KernelTable& kernels) {
    Activations ready = prepare(kernels, true);
    if (kernels.quantize_eight == nullptr) return ready;
    const std::uint32_t units = units_of(cols);
    const std::size_t block = std::size_t{units} * kUnitBlocks;
    eights.resize(eights_of(n) * block);
    std::memset(eights.data(), 0x63, eights.size() * sizeof(EightTokens));
    for (std::uint32_t t = 0; t < n; t += kEight)
      kernels.quantize_eight(x.data() + std::size_t{t} * cols, cols, std::min(n - t, kEight), units,
                             units, eights.data() + t / kEight * block);
    ready.eights = eights.data();
    return ready;
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
  // With what the level makes for many tokens.
  Activations prepare_many(const KernelTable& kernels, bool quantized) {
    if (quantized) {
      Activations ready = prepare(kernels, true);
      if (kernels.arrange_tokens != nullptr) arrange(kernels, ready);
      return ready;
    }
    Activations ready =
        kernels.quantize_wide == nullptr ? prepare(kernels, false) : prepare_wide(kernels);
    if (kernels.split_tokens != nullptr) split(kernels, ready);
    return ready;
  }
  // What a kernel multiplies with.
  [[nodiscard]] double value(std::uint32_t t, std::uint32_t i, bool quantized) const {
    if (!quantized) return x[std::size_t{t} * cols + i];
    const std::size_t unit = std::size_t{t} * units_of(cols) + i / kUnit;
    return static_cast<double>(scales[unit * 8 + i % kUnit / 32]) *
           quants[std::size_t{t} * units_of(cols) * kUnit + place_in_row(i, cols)];
  }

 private:
  void arrange(const KernelTable& kernels, Activations& ready) {
    const std::size_t block = std::size_t{units_of(cols)} * 8 * kWideTokens;
    tile_quants.assign(wide_blocks_of(n) * block * 32 + 64, 99);
    tile_scales.assign(wide_blocks_of(n) * block + 16, 1e9f);
    tile_sums.assign(wide_blocks_of(n) * block + 16, 1e9f);
    std::int8_t* const quants_to = aligned(tile_quants);
    float* const scales_to = aligned(tile_scales);
    float* const sums_to = aligned(tile_sums);
    for (std::uint32_t t = 0; t < n; t += kWideTokens) {
      const std::size_t at = t / kWideTokens * block;
      kernels.arrange_tokens(ready, t, std::min(n - t, kWideTokens), units_of(cols),
                             quants_to + at * 32, scales_to + at, sums_to + at);
    }
    ready.tile_quants = quants_to;
    ready.tile_scales = scales_to;
    ready.tile_sums = sums_to;
  }
  void split(const KernelTable& kernels, Activations& ready) {
    const std::size_t block = std::size_t{half_steps_of(cols)} * 2 * kHalfStep * kWideTokens;
    halves.assign(wide_blocks_of(n) * block, 99);
    for (std::uint32_t t = 0; t < n; t += kWideTokens)
      kernels.split_tokens(x.data() + std::size_t{t} * cols, cols, std::min(n - t, kWideTokens),
                           cols, halves.data() + t / kWideTokens * block);
    ready.halves = halves.data();
  }
  // As workspaces are.
  template <typename T>
  static T* aligned(std::vector<T>& memory) {
    void* at = memory.data();
    std::size_t bytes = memory.size() * sizeof(T);
    return static_cast<T*>(std::align(64, 1, at, bytes));
  }

 public:
  std::uint32_t cols, n;
  std::vector<float> x, scales, wide_scales, tile_scales, tile_sums;
  std::vector<std::int8_t> quants, tile_quants;
  std::vector<std::int16_t> wide_quants;
  std::vector<std::uint16_t> halves;
  std::vector<std::int32_t> sums;
  std::vector<EightTokens> eights;
};

}  // namespace synfire::cpu
