#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "plugins/abi/synfire_backend.h"
#include "plugins/sdk/block_codec.hpp"
#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/error.hpp"
#include "plugins/sdk/parallel_rows.hpp"

namespace synfire::sdk {

// A tensor that a plugin makes at load, and its memory. Moving it keeps what desc() points to
// but for the name, so ask anew after a move.
class MadeTensor {
 public:
  // Zeros.
  MadeTensor(std::string name, DType dtype, std::uint64_t rows, std::uint64_t cols)
      : name_(std::move(name)),
        dtype_(dtype),
        rows_(rows),
        cols_(cols),
        data_(rows * row_bytes(dtype, cols)) {}

  // `from` in another dtype, row by row, on all cores. Throws Error where its rows are no whole
  // blocks of that dtype.
  static MadeTensor requantized(const sf_tensor_desc& from, DType dtype) {
    const DTypeInfo& info = dtype_info(dtype);
    if (from.cols % info.block_size != 0)
      throw Error(kInvalidArgument,
                  "tensor " + std::string(from.name) + ": rows of " + std::to_string(from.cols) +
                      " elements, want a multiple of " + std::to_string(info.block_size) + " for " +
                      std::string(info.name));
    MadeTensor made(from.name, dtype, from.rows, from.cols);
    const DType from_dtype = find_dtype(from.dtype)->dtype;
    const std::size_t from_bytes = row_bytes(from_dtype, from.cols);
    const auto* const source = static_cast<const std::byte*>(from.data);
    parallel_rows(from.rows, [&](std::size_t first, std::size_t last) {
      std::vector<float> row(from.cols);
      for (std::size_t r = first; r < last; ++r) {
        dequantize_row(from_dtype, source + r * from_bytes, from.cols, row.data());
        quantize_row(dtype, row.data(), from.cols, made.row(r));
      }
    });
    return made;
  }

  [[nodiscard]] std::byte* row(std::size_t r) {
    return data_.data() + r * row_bytes(dtype_, cols_);
  }
  [[nodiscard]] sf_tensor_desc desc() const {
    return {sizeof(sf_tensor_desc),
            static_cast<std::uint32_t>(dtype_),
            SF_TENSOR_BORROW,
            0,
            rows_,
            cols_,
            name_.c_str(),
            data_.data()};
  }

 private:
  std::string name_;
  DType dtype_;
  std::uint64_t rows_, cols_;
  std::vector<std::byte> data_;
};

}  // namespace synfire::sdk
