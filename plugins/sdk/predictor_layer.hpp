#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::sdk {

// One layer's prediction: built op by op from the tap (value 0), and then the memory of what
// sf_predictor_layer points to. Does not move.
//
//   PredictorLayer layer(d_model);
//   const auto hidden = layer.activate(layer.linear(PredictorLayer::kTap, fc1),
//   SF_ACTIVATION_RELU); layer.set_scores(layer.linear(hidden, fc2));
//
// Without scores and ops nothing is guessed: the gate rule alone decides.
class PredictorLayer {
 public:
  static constexpr std::uint32_t kTap = 0;  // the value that the layer starts from

  explicit PredictorLayer(std::uint32_t d_model) : values_{{SF_VALUE_ROWS, d_model}} {}
  PredictorLayer(const PredictorLayer&) = delete;
  PredictorLayer& operator=(const PredictorLayer&) = delete;

  std::uint32_t tap = SF_TAP_FFN_INPUT;
  std::uint32_t gate_rule = SF_GATE_NONE;
  float gate_threshold = 0;
  const float* gate_weights = nullptr;  // [d_ff], borrowed as tensors are; null: all 1
  float threshold = 0;                  // of the scores
  double recall = -1, precision = -1;   // unknown

  // Each gives the value that it writes. Tensors are borrowed: their data and name must outlive
  // this; `bias` may be null.
  std::uint32_t linear(std::uint32_t x, const sf_tensor_desc& weight,
                       const sf_tensor_desc* bias = nullptr) {
    const std::uint32_t bias_index = bias == nullptr ? std::uint32_t{SF_NONE} : add_tensor(*bias);
    return add_op(SF_OP_LINEAR, {x}, static_cast<std::uint32_t>(weight.rows),
                  {add_tensor(weight), bias_index}, sf_no_params{});
  }
  // `signs` are an I8 tensor of bits, as sign_linear has them.
  std::uint32_t sign_linear(std::uint32_t x, const sf_tensor_desc& signs,
                            const sf_tensor_desc* bias = nullptr) {
    const std::uint32_t bias_index = bias == nullptr ? std::uint32_t{SF_NONE} : add_tensor(*bias);
    return add_op(SF_OP_SIGN_LINEAR, {x}, static_cast<std::uint32_t>(signs.rows),
                  {add_tensor(signs), bias_index}, sf_no_params{});
  }
  std::uint32_t add(std::uint32_t a, std::uint32_t b) {
    return add_op(SF_OP_ADD, {a, b}, values_[a].width, {}, sf_no_params{});
  }
  std::uint32_t activate(std::uint32_t x, std::uint32_t activation) {
    return add_op(SF_OP_ACTIVATE, {x, SF_NONE}, values_[x].width, {},
                  sf_activate_params{activation});
  }
  void set_scores(std::uint32_t value) { scores_ = value; }

  // Bytes that its weights take: what a token's prediction reads.
  [[nodiscard]] std::uint64_t bytes_per_token() const {
    std::uint64_t bytes = 0;
    for (const sf_tensor_desc& tensor : tensors_)
      bytes += tensor.rows * row_bytes(find_dtype(tensor.dtype)->dtype, tensor.cols);
    return bytes;
  }

  // Fills a host's struct up to the size that the host knows. Points into this object.
  void describe(sf_predictor_layer& out) {
    ops_view_.clear();
    for (const auto& op : ops_) ops_view_.push_back(op->abi);
    const sf_predictor_layer full = {out.struct_size,
                                     tap,
                                     gate_rule,
                                     gate_threshold,
                                     threshold,
                                     static_cast<std::uint32_t>(values_.size()),
                                     static_cast<std::uint32_t>(ops_view_.size()),
                                     static_cast<std::uint32_t>(tensors_.size()),
                                     scores_,
                                     0,
                                     values_.data(),
                                     ops_view_.data(),
                                     tensors_.data(),
                                     recall,
                                     precision,
                                     bytes_per_token(),
                                     gate_weights};
    std::memcpy(&out, &full, std::min<std::size_t>(out.struct_size, sizeof full));
  }

 private:
  struct Op {  // an op with its operands; stays where it is
    sf_op abi{};
    std::vector<std::uint32_t> inputs, weights;
    std::uint32_t output = 0;
    alignas(8) std::array<std::byte, 16> params{};
  };

  std::uint32_t add_tensor(const sf_tensor_desc& tensor) {
    tensors_.push_back(tensor);
    return static_cast<std::uint32_t>(tensors_.size() - 1);
  }

  template <typename Params>
  std::uint32_t add_op(std::uint32_t id, std::vector<std::uint32_t> inputs, std::uint32_t width,
                       std::vector<std::uint32_t> weights, const Params& params) {
    auto op = std::make_unique<Op>();
    static_assert(sizeof params <= sizeof op->params);
    std::memcpy(op->params.data(), &params, sizeof params);
    op->inputs = std::move(inputs);
    op->weights = std::move(weights);
    values_.push_back({SF_VALUE_ROWS, width});
    op->output = static_cast<std::uint32_t>(values_.size() - 1);
    sf_op& abi = op->abi;
    abi.struct_size = sizeof abi;
    abi.id = id;
    abi.n_inputs = static_cast<std::uint32_t>(op->inputs.size());
    abi.n_outputs = 1;
    abi.n_weights = static_cast<std::uint32_t>(op->weights.size());
    abi.neurons = SF_NONE;
    abi.kv = SF_NONE;
    abi.params_size = sizeof params;
    abi.inputs = op->inputs.data();
    abi.outputs = &op->output;
    abi.weights = op->weights.data();
    abi.params = op->params.data();
    ops_.push_back(std::move(op));
    return ops_.back()->output;
  }

  std::uint32_t scores_ = SF_NONE;
  std::vector<sf_value_desc> values_;
  std::vector<sf_tensor_desc> tensors_;
  std::vector<std::unique_ptr<Op>> ops_;
  std::vector<sf_op> ops_view_;
};

}  // namespace synfire::sdk
