#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/ops/row_dots.hpp"
#include "backends/cpu/packed_rows.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "tests/unit/cpu/random_tokens.hpp"

// Packed rows for tests of row kernels.
namespace synfire::cpu {

// Whole units, and last ones of every number of blocks.
inline constexpr std::uint32_t kColumns[] = {1,   7,   16,  31,  32,  33,  64,  96,  128,
                                             224, 256, 320, 416, 512, 576, 800, 832, 1000};

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
