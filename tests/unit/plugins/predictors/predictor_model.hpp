#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "plugins/host/registry.hpp"
#include "plugins/sdk/block_codec.hpp"
#include "plugins/sdk/ops.h"
#include "tests/support/paths.hpp"

namespace synfire::test {

// A model made of the tensors and numbers that a test gives it, and predictors opened for it.
class PredictorModel {
 public:
  PredictorModel(std::uint32_t n_layers, std::uint32_t d_model, std::uint32_t d_ff)
      : desc_{sizeof(sf_model_desc), n_layers, d_model, d_ff,        SF_ACTIVATION_RELU, 1,
              "model.gguf",          &find,    this,    &find_number} {}
  PredictorModel(const PredictorModel&) = delete;
  PredictorModel& operator=(const PredictorModel&) = delete;

  sf_model_desc& desc() { return desc_; }
  void set_number(const std::string& key, double value) { numbers_[key] = value; }
  void drop(const std::string& name) { tensors_.erase(name); }

  // Replaces a tensor of that name. The values follow from `value(row, col)`.
  template <typename Value>
  void add(const std::string& name, DType dtype, std::size_t rows, std::size_t cols,
           const Value& value) {
    Tensor& tensor = tensors_[name];
    tensor.data.assign(rows * row_bytes(dtype, cols), std::byte{});
    std::vector<float> row(cols);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) row[c] = static_cast<float>(value(r, c));
      quantize_row(dtype, row.data(), cols, tensor.data.data() + r * row_bytes(dtype, cols));
    }
    tensor.desc = {sizeof(sf_tensor_desc),
                   static_cast<std::uint32_t>(dtype),
                   SF_TENSOR_BORROW,
                   0,
                   rows,
                   cols,
                   tensors_.find(name)->first.c_str(),
                   tensor.data.data()};
  }
  const sf_tensor_desc& tensor(const std::string& name) { return tensors_.at(name).desc; }

  Result<host::Predictor> open(std::string_view plugin, const host::Options& options = {}) {
    const auto registry = host::PluginRegistry::load(std::vector{plugin_dir()});
    SYNFIRE_RETURN_IF_ERROR(registry);
    SYNFIRE_ASSIGN_OR_RETURN(const auto found, registry->require_predictor(plugin));
    return found.open(desc_, options);
  }

 private:
  struct Tensor {
    std::vector<std::byte> data;
    sf_tensor_desc desc{};
  };
  static const sf_tensor_desc* find(void* context, const char* name) {
    auto& tensors = static_cast<PredictorModel*>(context)->tensors_;
    const auto entry = tensors.find(name);
    return entry == tensors.end() ? nullptr : &entry->second.desc;
  }
  static std::int32_t find_number(void* context, const char* key, double* value) {
    const auto& numbers = static_cast<PredictorModel*>(context)->numbers_;
    const auto entry = numbers.find(key);
    if (entry == numbers.end()) return 0;
    *value = entry->second;
    return 1;
  }

  std::map<std::string, Tensor> tensors_;
  std::map<std::string, double> numbers_;
  sf_model_desc desc_;
};

// A tensor's values, row after row.
inline std::vector<float> values_of(const sf_tensor_desc& tensor) {
  const DType dtype = find_dtype(tensor.dtype)->dtype;
  std::vector<float> values(tensor.rows * tensor.cols);
  for (std::size_t r = 0; r < tensor.rows; ++r)
    dequantize_row(dtype,
                   static_cast<const std::byte*>(tensor.data) + r * row_bytes(dtype, tensor.cols),
                   tensor.cols, values.data() + r * tensor.cols);
  return values;
}

}  // namespace synfire::test
