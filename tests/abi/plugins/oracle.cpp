// The predictor that is always right: its scores are the FFN's own gates (up products where there
// is no gate), so with a ReLU it selects exactly what fires. It saves nothing, and shows that
// predictors work.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/error.hpp"
#include "plugins/sdk/ops.h"

namespace {

using synfire::sdk::Error;

struct Layer {
  sf_value_desc values[2];  // tap, scores
  std::uint32_t input = 0, output = 1;
  std::uint32_t weights[2] = {0, SF_NONE};  // no bias
  sf_no_params params{};
  sf_op op{};
  sf_tensor_desc tensor{};
};

struct Oracle {
  sf_model_desc model;
  float threshold = 0;
  std::vector<std::unique_ptr<Layer>> layers;
  std::uint64_t observed = 0;
};

std::unique_ptr<Layer> make_layer(const sf_model_desc& model, std::uint32_t index) {
  const std::string name =
      "blk." + std::to_string(index) + (model.gated != 0 ? ".ffn_gate.weight" : ".ffn_up.weight");
  const sf_tensor_desc* const tensor = model.find_tensor(model.context, name.c_str());
  if (tensor == nullptr) throw Error(synfire::sdk::kNotFound, "tensor " + name + ": missing");
  auto layer = std::make_unique<Layer>();
  layer->tensor = *tensor;
  layer->values[0] = {SF_VALUE_ROWS, model.d_model};
  layer->values[1] = {SF_VALUE_ROWS, model.d_ff};
  layer->op.struct_size = sizeof(sf_op);
  layer->op.id = SF_OP_LINEAR;
  layer->op.n_inputs = 1;
  layer->op.n_outputs = 1;
  layer->op.n_weights = 2;
  layer->op.neurons = SF_NONE;
  layer->op.kv = SF_NONE;
  layer->op.params_size = sizeof layer->params;
  layer->op.inputs = &layer->input;
  layer->op.outputs = &layer->output;
  layer->op.weights = layer->weights;
  layer->op.params = &layer->params;
  return layer;
}

float parse_threshold(const sf_options& options) {
  float threshold = 0;
  for (std::uint32_t i = 0; i < options.count; ++i) {
    if (std::string(options.keys[i]) != "threshold")
      throw Error(synfire::sdk::kInvalidArgument,
                  std::string("unknown option '") + options.keys[i] + "', want threshold");
    threshold = std::stof(options.values[i]);
  }
  return threshold;
}

sf_error* open(const sf_model_desc* model, const sf_options* options, sf_predictor** predictor) {
  return synfire::sdk::guard([&] {
    auto oracle = std::make_unique<Oracle>();
    oracle->model = *model;
    oracle->threshold = parse_threshold(*options);
    for (std::uint32_t i = 0; i < model->n_layers; ++i)
      oracle->layers.push_back(make_layer(*model, i));
    *predictor = reinterpret_cast<sf_predictor*>(oracle.release());
  });
}

void close(sf_predictor* predictor) {
  const std::unique_ptr<Oracle> oracle(reinterpret_cast<Oracle*>(predictor));
  const std::string text = "observed " + std::to_string(oracle->observed);
  synfire::sdk::host()->log(SF_LOG_DEBUG, "oracle", text.c_str());
}

sf_error* describe_layer(sf_predictor* predictor, std::uint32_t index, sf_predictor_layer* out) {
  const Oracle& oracle = *reinterpret_cast<const Oracle*>(predictor);
  const Layer& layer = *oracle.layers[index];
  out->tap = SF_TAP_FFN_INPUT;
  out->gate_rule = SF_GATE_POSITIVE;
  out->score_threshold = oracle.threshold;
  out->n_values = 2;
  out->n_ops = 1;
  out->n_tensors = 1;
  out->scores = 1;
  out->values = layer.values;
  out->ops = &layer.op;
  out->tensors = &layer.tensor;
  out->recall = oracle.threshold <= 0 ? 1 : -1;
  out->precision = oracle.threshold >= 0 ? 1 : -1;
  const synfire::DTypeInfo* const dtype = synfire::find_dtype(layer.tensor.dtype);
  if (dtype != nullptr)
    out->bytes_per_token = layer.tensor.rows * synfire::row_bytes(dtype->dtype, layer.tensor.cols);
  return nullptr;
}

void observe(sf_predictor* predictor, std::uint32_t, const sf_active_header*,
             const sf_active_header*) {
  ++reinterpret_cast<Oracle*>(predictor)->observed;
}

sf_error* initialize(const sf_host* host) {
  synfire::sdk::host() = host;
  return nullptr;
}
void shutdown() {}

constexpr sf_predictor_api kApi = {sizeof(sf_predictor_api), 0,       &open, &close,
                                   &describe_layer,          &observe};
constexpr sf_plugin kPlugin = {sizeof(sf_plugin),
                               SYNFIRE_ABI_MAJOR,
                               SYNFIRE_ABI_MINOR,
                               SF_PLUGIN_PREDICTOR,
                               "oracle",
                               "1.0.0",
                               "scores every neuron with its own gate",
                               &initialize,
                               &shutdown,
                               &kApi};

}  // namespace

extern "C" SYNFIRE_EXPORT const sf_plugin* synfire_plugin_query(void) { return &kPlugin; }
