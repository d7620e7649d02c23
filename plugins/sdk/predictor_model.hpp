#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/error.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::sdk {

// The model that a predictor is opened for. Borrows the description; tensors live until the
// predictor is closed.
class PredictorModel {
 public:
  explicit PredictorModel(const sf_model_desc& desc) : desc_(desc) {}

  [[nodiscard]] std::uint32_t n_layers() const { return desc_.n_layers; }
  [[nodiscard]] std::uint32_t d_model() const { return desc_.d_model; }
  [[nodiscard]] std::uint32_t d_ff() const { return desc_.d_ff; }

  // "blk.3." + name.
  [[nodiscard]] static std::string layer_name(std::uint32_t layer, const std::string& name) {
    return "blk." + std::to_string(layer) + "." + name;
  }

  [[nodiscard]] bool has(const std::string& tensor) const {
    return desc_.find_tensor(desc_.context, tensor.c_str()) != nullptr;
  }

  // A weight [rows, cols], where 0 rows mean any number. Throws Error naming the tensor, the got
  // and the wanted; where it is missing, also what makes it, if that is said.
  [[nodiscard]] const sf_tensor_desc& matrix(const std::string& name, std::uint64_t rows,
                                             std::uint64_t cols,
                                             const std::string& made_by = {}) const {
    const sf_tensor_desc* const tensor = find(name, rows, cols);
    if (tensor == nullptr)
      throw Error(kNotFound, "tensor " + name + ": missing, want " + shape_text(rows, cols) +
                                 (made_by.empty() ? "" : "; `" + made_by + "` makes it"));
    return *tensor;
  }

  // A vector [n]; null where it is absent. Throws likewise.
  [[nodiscard]] const sf_tensor_desc* optional_vector(const std::string& name,
                                                      std::uint64_t n) const {
    return find(name, 1, n);
  }

  // Signs of [rows, cols] weights, one bit each, as sign_linear has them; null where they are
  // absent. Throws likewise.
  [[nodiscard]] const sf_tensor_desc* optional_signs(const std::string& name, std::uint64_t rows,
                                                     std::uint64_t cols) const {
    const sf_tensor_desc* const tensor = desc_.find_tensor(desc_.context, name.c_str());
    if (tensor == nullptr) return nullptr;
    const std::uint64_t bytes = (cols + 7) / 8;
    if (tensor->rows != rows || tensor->cols != bytes ||
        tensor->dtype != static_cast<std::uint32_t>(DType::i8))
      throw Error(kInvalidArgument, "tensor " + name + ": dtype number " +
                                        std::to_string(tensor->dtype) + ", shape " +
                                        shape_text(tensor->rows, tensor->cols) + ", want I8 " +
                                        shape_text(rows, bytes));
    return tensor;
  }

  // What decides whether a neuron fires: the gate, or up where the FFN has no gate. [d_ff, d_model]
  [[nodiscard]] const sf_tensor_desc& gate(std::uint32_t layer) const {
    const char* const name = desc_.gated != 0 ? "ffn_gate.weight" : "ffn_up.weight";
    return matrix(layer_name(layer, name), d_ff(), d_model());
  }

  // A number of the metadata; nothing where it is absent, or the host is too old to tell.
  [[nodiscard]] std::optional<double> number(const std::string& key) const {
    constexpr std::size_t kEnd = offsetof(sf_model_desc, find_number) + sizeof desc_.find_number;
    double value = 0;
    if (desc_.struct_size < kEnd || desc_.find_number == nullptr ||
        desc_.find_number(desc_.context, key.c_str(), &value) == 0)
      return std::nullopt;
    return value;
  }

  // The rule that loses nothing: a ReLU's negative gates are zero whatever was predicted; of other
  // activations everything predicted is computed.
  [[nodiscard]] std::uint32_t lossless_gate_rule() const {
    switch (desc_.activation) {
      case SF_ACTIVATION_RELU:
      case SF_ACTIVATION_RELU2:
      case SF_ACTIVATION_DRELU: return SF_GATE_POSITIVE;
      default: return SF_GATE_NONE;
    }
  }

 private:
  static std::string shape_text(std::uint64_t rows, std::uint64_t cols) {
    return std::string("[") + (rows == 0 ? "any" : std::to_string(rows)) + ", " +
           std::to_string(cols) + "]";
  }

  // Null where there is none of that name; whatever there is has the shape and a weight's dtype.
  [[nodiscard]] const sf_tensor_desc* find(const std::string& name, std::uint64_t rows,
                                           std::uint64_t cols) const {
    const sf_tensor_desc* const tensor = desc_.find_tensor(desc_.context, name.c_str());
    if (tensor == nullptr) return nullptr;
    if ((rows != 0 && tensor->rows != rows) || tensor->cols != cols)
      throw Error(kInvalidArgument, "tensor " + name + ": shape " +
                                        shape_text(tensor->rows, tensor->cols) + ", want " +
                                        shape_text(rows, cols));
    const DTypeInfo* const dtype = find_dtype(tensor->dtype);
    if (dtype == nullptr || !dtype->is_weight)
      throw Error(kInvalidArgument, "tensor " + name + ": dtype " +
                                        (dtype == nullptr ? std::to_string(tensor->dtype)
                                                          : std::string(dtype->name)) +
                                        ", want that of a weight");
    return tensor;
  }

  const sf_model_desc& desc_;
};

}  // namespace synfire::sdk
