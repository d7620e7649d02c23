#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "backends/cpu/packed_rows.hpp"
#include "plugins/sdk/block_codec.hpp"

// Packed rows and tokens for tests of row kernels.
namespace synfire::cpu {

inline constexpr std::uint32_t kColumns[] = {1, 7, 16, 31, 32, 33, 64, 96, 256, 512, 800, 1000};

inline bool fits(DType dtype, std::uint32_t cols) {
  return cols % dtype_info(dtype).block_size == 0;
}

inline std::vector<DType> weight_dtypes() {
  std::vector<DType> dtypes;
  for (const DTypeInfo& info : kDTypes)
    if (info.is_weight) dtypes.push_back(info.dtype);
  return dtypes;
}

// kTileRows rows of random weights, packed, and what they mean.
struct Rows {
  Rows(DType weight_dtype, std::uint32_t n_cols, std::uint32_t seed = 1)
      : dtype(weight_dtype),
        cols(n_cols),
        stride(packed_stride(dtype, cols)),
        file(kTileRows * row_bytes(dtype, cols)),
        packed(kTileRows * stride),
        values(std::size_t{kTileRows} * cols) {
    std::mt19937 random(cols * 31 + seed);
    std::normal_distribution<float> normal;
    std::vector<float> row(cols);
    for (std::uint32_t r = 0; r < kTileRows; ++r) {
      for (float& value : row) value = normal(random);
      quantize_row(dtype, row.data(), cols, file_row(r));
    }
    pack();
  }
  std::byte* file_row(std::uint32_t r) { return file.data() + r * row_bytes(dtype, cols); }
  void pack() {
    for (std::uint32_t r = 0; r < kTileRows; ++r) {
      dequantize_row(dtype, file_row(r), cols, values.data() + std::size_t{r} * cols);
      rows[r] = packed.data() + r * stride;
      pack_row(dtype, file_row(r), cols, packed.data() + r * stride);
    }
  }
  [[nodiscard]] float value(std::uint32_t r, std::uint32_t i) const {
    return values[std::size_t{r} * cols + i];
  }

  DType dtype;
  std::uint32_t cols;
  std::size_t stride;
  std::vector<std::byte> file, packed;
  std::vector<float> values;
  const std::byte* rows[kTileRows];
};

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
  // With all that the level makes for many tokens.
  Activations prepare_many(const KernelTable& kernels) {
    Activations ready =
        kernels.quantize_wide == nullptr ? prepare(kernels, false) : prepare_wide(kernels);
    const Activations quantized = prepare(kernels, true);
    ready.quants = quantized.quants;
    ready.scales = quantized.scales;
    ready.sums = quantized.sums;
    if (kernels.arrange_tokens != nullptr) arrange(kernels, ready);
    if (kernels.split_tokens != nullptr) split(kernels, ready);
    return ready;
  }
  // What a kernel multiplies with.
  [[nodiscard]] double value(std::uint32_t t, std::uint32_t i, bool quantized) const {
    if (!quantized) return x[std::size_t{t} * cols + i];
    const std::size_t unit = std::size_t{t} * units_of(cols) + i / kUnit;
    return static_cast<double>(scales[unit * 8 + i % kUnit / 32]) *
           quants[unit * kUnit + packed_place(i % kUnit)];
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
};

inline std::vector<float> dot(const KernelTable& kernels, const Rows& rows, Tokens& tokens,
                              std::uint32_t n_rows = kTileRows) {
  std::vector<std::uint32_t> ids(tokens.n);
  for (std::uint32_t t = 0; t < tokens.n; ++t) ids[t] = t;
  std::vector<float> out(std::size_t{tokens.n} * kTileRows, -1e9f);
  row_kernels(kernels, rows.dtype)
      .dot(rows.rows, rows.rows, n_rows, rows.cols,
           tokens.prepare(kernels, wants_quants(rows.dtype)), ids.data(), tokens.n, out.data());
  return out;
}

inline float expected_dot(const Rows& rows, const Tokens& tokens, std::uint32_t r,
                          std::uint32_t t) {
  double sum = 0;
  for (std::uint32_t i = 0; i < rows.cols; ++i)
    sum += rows.value(r, i) * tokens.value(t, i, wants_quants(rows.dtype));
  return static_cast<float>(sum);
}

}  // namespace synfire::cpu
