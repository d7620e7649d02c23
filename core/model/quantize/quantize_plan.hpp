#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/quantize/quantize_options.hpp"

namespace synfire::quantize {

// One tensor of the file to be written.
struct PlannedTensor {
  std::string name;                  // "blk.0.ffn_down_t.weight"
  const GgufTensor* source;          // of the file that is read
  DType dtype;                       // what it becomes
  std::vector<std::uint64_t> shape;  // [0] contiguous
  bool transposed = false;           // rows are the source's columns

  [[nodiscard]] bool is_copy() const { return dtype == source->dtype && !transposed; }
  [[nodiscard]] std::uint64_t width() const { return shape[0]; }
  [[nodiscard]] std::uint64_t rows() const { return source->elements() / shape[0]; }
};

struct QuantizePlan {
  std::vector<PlannedTensor> tensors;  // in the file's order
  std::vector<std::string> notes;  // where the dtype is not the wanted one, and users may wonder
};

// What becomes of each tensor:
// - matrices (`*.weight`, float) get the wanted dtype. Unless `pure`, the output matrix (the
//   embedding where it serves as such) is Q6_K beside 4-bit weights, as llama-quantize has it, and
//   PowerInfer's predictors fc1 and fc2 are Q8_0: what they miss is lost;
// - rows that are no whole blocks: Q8_0, else F16, and a note;
// - vectors are F32; positions, token types and expert routers, and what is no float, stay.
// An error for a matrix that is quantized already.
[[nodiscard]] Result<QuantizePlan> plan_quantization(const GgufFile& file, const Options& options);

}  // namespace synfire::quantize
