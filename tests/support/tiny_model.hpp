#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/gguf_file.hpp"
#include "core/model/gguf_header.hpp"

namespace synfire::test {

struct TinyShape {
  std::string architecture = "llama";  // or "arcee", which has no gate
  std::string activation = "relu";     // "": no key
  std::uint32_t n_layers = 2, d_model = 8, d_ff = 20;
  std::uint32_t n_heads = 2, n_kv_heads = 1;
  std::uint32_t n_vocab = 11, context = 64;
  bool tied = false;               // no output matrix of its own
  bool neuron_major_down = false;  // ffn_down_t, as in PowerInfer's files
  DType down_dtype = DType::f32;   // of ffn_down; its rows must be whole blocks
  // Over 0: a PWRI file, with PowerInfer's predictors of that rank in fc1 and fc2.
  std::uint32_t predictor_rank = 0;
};

// A model of a few kilobytes without a tokenizer. Weights follow from the tensors' names. Tests
// change keys and tensors before they read it.
class TinyModel {
 public:
  explicit TinyModel(const TinyShape& shape = {});

  GgufHeader header;  // metadata
  struct Tensor {
    std::string name;
    DType dtype;
    std::vector<std::uint64_t> shape;  // [0] contiguous
  };
  std::vector<Tensor> tensors;

  Tensor& tensor(std::string_view name);
  void drop(std::string_view name);

  // The whole file.
  [[nodiscard]] std::vector<std::byte> bytes() const;
  [[nodiscard]] Result<GgufFile> parse() const;  // as "tiny.gguf"
  void save(const std::filesystem::path& path) const;
};

}  // namespace synfire::test
