#include "core/runtime/down_rows.hpp"

#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

using Bytes = std::vector<std::byte>;

// A layer's `down` as in a file, [d_model, d_ff] with the neurons contiguous.
struct Down {
  Down(DType dtype, DType to, std::uint32_t width, std::uint32_t neurons)
      : d_model(width), d_ff(neurons), file_row(row_bytes(dtype, neurons)) {
    data.resize(d_model * file_row);
    upload.d_model = d_model;
    upload.d_ff = d_ff;
    upload.down_dtype = to;
    upload.down = {"down", dtype, d_model, d_ff, data.data()};
  }

  Down(const Down&) = delete;  // the upload points into it
  Down& operator=(const Down&) = delete;

  // Finite values, quantized as the file's dtype has them.
  Down& fill_with_floats() {
    std::mt19937 random(1);
    std::vector<float> row(d_ff);
    for (std::uint32_t d = 0; d < d_model; ++d) {
      for (float& value : row) value = static_cast<float>(random() % 20001) / 10000.0F - 1.0F;
      quantize_row(upload.down.dtype, row.data(), d_ff, data.data() + d * file_row);
    }
    return *this;
  }

  // The matrix as floats, and one neuron's row of it in the device's dtype.
  [[nodiscard]] Bytes expected(std::uint32_t neuron) const {
    std::vector<float> row(d_ff), column(d_model);
    for (std::uint32_t d = 0; d < d_model; ++d) {
      dequantize_row(upload.down.dtype, data.data() + d * file_row, d_ff, row.data());
      column[d] = row[neuron];
    }
    Bytes bytes(row_bytes(upload.down_dtype, d_model));
    quantize_row(upload.down_dtype, column.data(), d_model, bytes.data());
    return bytes;
  }

  std::uint32_t d_model, d_ff;
  std::size_t file_row;
  Bytes data;
  NeuronUpload upload;
};

void expect_rows(DownRows& rows, const Down& down, std::uint32_t first, std::uint32_t count) {
  const std::size_t bytes = row_bytes(down.upload.down_dtype, down.d_model);
  const std::byte* const got = rows.rows(first, count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Bytes want = down.expected(first + i);
    ASSERT_EQ(std::memcmp(got + i * bytes, want.data(), bytes), 0) << "neuron " << first + i;
  }
}

// All in rising order by groups of 24, which no block size divides; the last group is short. Then
// runs across panels, and backwards.
void expect_all_rows(const Down& down) {
  DownRows rows(down.upload);
  for (std::uint32_t first = 0; first < down.d_ff; first += 24)
    expect_rows(rows, down, first, std::min(24U, down.d_ff - first));
  if (down.d_ff > 260) expect_rows(rows, down, 250, 10);
  for (std::uint32_t first = down.d_ff; first >= 50; first -= 50)
    expect_rows(rows, down, first - 3, 3);
}

// Bytes of a type moved by hand: no conversion that could lose a bit.
template <typename T>
void expect_bit_exact_transposition(DType dtype, std::uint32_t d_model, std::uint32_t d_ff) {
  Down down(dtype, dtype, d_model, d_ff);
  std::mt19937 random(2);
  std::vector<T> values(std::size_t{d_model} * d_ff);
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Of two bytes: every pattern that there is, but NaNs, whose payload means nothing.
    values[i] = static_cast<T>(sizeof(T) == 2 ? i : random());
    const T exponent = dtype == DType::f16 ? 0x7C00 : sizeof(T) == 2 ? 0x7F80 : 0x7F800000;
    if ((values[i] & exponent) == exponent)
      values[i] = static_cast<T>(values[i] & ~(exponent >> 1));
  }
  std::memcpy(down.data.data(), values.data(), down.data.size());
  DownRows rows(down.upload);
  for (std::uint32_t n = 0; n < d_ff; ++n) {
    std::vector<T> row(d_model);
    std::memcpy(row.data(), rows.rows(n, 1), d_model * sizeof(T));
    for (std::uint32_t d = 0; d < d_model; ++d)
      ASSERT_EQ(row[d], values[std::size_t{d} * d_ff + n]) << "neuron " << n << ", element " << d;
  }
}

TEST(DownRows, FloatsKeepEveryBit) {
  expect_bit_exact_transposition<std::uint32_t>(DType::f32, 64, 300);
  expect_bit_exact_transposition<std::uint16_t>(DType::f16, 256, 256);
  expect_bit_exact_transposition<std::uint16_t>(DType::bf16, 256, 256);
}

TEST(DownRows, FloatsOfAnyWidth) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
    for (const std::uint32_t d_ff : {1U, 20U, 172U, 255U, 256U, 257U, 700U})
      expect_all_rows(Down(dtype, dtype, 12, d_ff).fill_with_floats());
}

TEST(DownRows, BlocksBecomeF16) {
  for (const DType dtype : {DType::q8_0, DType::q4_0, DType::q4_1})
    for (const std::uint32_t d_ff : {32U, 160U, 288U, 512U, 544U})
      expect_all_rows(Down(dtype, DType::f16, 12, d_ff).fill_with_floats());
  for (const std::uint32_t d_ff : {256U, 768U})
    expect_all_rows(Down(DType::q6_k, DType::f16, 12, d_ff).fill_with_floats());
}

TEST(DownRows, BlocksBecomeBlocksAlongTheModel) {
  expect_all_rows(Down(DType::q8_0, DType::q8_0, 64, 288).fill_with_floats());
}

TEST(DownRows, F16HoldsQ8WithinHalfAStep) {
  Down down(DType::q8_0, DType::f16, 8, 96);
  down.fill_with_floats();
  DownRows rows(down.upload);
  std::vector<float> file(96), got(8);
  for (std::uint32_t n = 0; n < 96; ++n) {
    dequantize_row(DType::f16, rows.rows(n, 1), 8, got.data());
    for (std::uint32_t d = 0; d < 8; ++d) {
      dequantize_row(DType::q8_0, down.data.data() + d * down.file_row, 96, file.data());
      EXPECT_NEAR(got[d], file[n], 1.0F / 2048) << n;  // an F16 below 1 has 11 bits
    }
  }
}

TEST(DownRows, NeuronMajorRowsAreTheFilesOwn) {
  Bytes data(10 * 8 * 2);
  NeuronUpload upload;
  upload.d_model = 8;
  upload.d_ff = 10;
  upload.down = {"down_t", DType::f16, 10, 8, data.data()};
  upload.down_dtype = DType::f16;
  upload.down_is_neuron_major = true;
  DownRows rows(upload);
  EXPECT_EQ(rows.rows(0, 10), data.data());
  EXPECT_EQ(rows.rows(7, 3), data.data() + 7 * 16);
}

}  // namespace
}  // namespace synfire
