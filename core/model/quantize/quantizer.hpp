#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/quantize/quantize_options.hpp"

namespace synfire::quantize {

struct TensorReport {
  std::string name;  // in the new file
  DType from, to;
  std::uint64_t elements;
  double mean_square;  // of the weights; 0 for what was copied
  double mean_squared_error;
};

struct Report {
  std::string architecture;
  std::vector<TensorReport> tensors;  // in the file's order
  std::uint64_t parameters = 0;
  std::uint64_t bytes_before = 0, bytes = 0;  // of tensors
  std::vector<std::string> notes;
};

// Writes the model `in` (F32, F16 or BF16 weights) with quantized ones, as plan_quantization() says
// which. Keys, tokenizer and format (GGUF or PWRI) are kept. The file appears whole or not at all;
// the same model gives the same bytes, on any number of threads. Holds a few MiB for each thread,
// whatever the size of the model.
[[nodiscard]] Result<Report> quantize_file(const std::filesystem::path& in,
                                           const std::filesystem::path& out,
                                           const Options& options);

}  // namespace synfire::quantize
