// A predictor that describes layers that nobody could run: the option "fault" says which way.
#include <cstring>
#include <string>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/error.hpp"
#include "plugins/sdk/ops.h"

namespace {

// One layer, in order unless a fault is asked for: rms_norm of the tap, then linear to the scores.
struct Wrong {
  std::string fault;
  sf_value_desc values[3];
  std::uint32_t numbers[3] = {0, 1, 2};
  std::uint32_t weights[4] = {0, 1, SF_NONE, 9};
  sf_norm_params norm{1e-5F};
  sf_no_params none{};
  float data[8 * 4] = {};
  sf_tensor_desc tensors[2];
  sf_op ops[2];
};

sf_op make_op(std::uint32_t id, const std::uint32_t* input, const std::uint32_t* output,
              const std::uint32_t* weights, std::uint32_t n_weights, const void* params,
              std::uint32_t params_size) {
  return {sizeof(sf_op), id,          1,     1,      n_weights, SF_NONE,
          SF_NONE,       params_size, input, output, weights,   params};
}

sf_tensor_desc make_tensor(const char* name, std::uint64_t rows, std::uint64_t cols,
                           const void* data) {
  return {sizeof(sf_tensor_desc), 0, 0, 0, rows, cols, name, data};
}

sf_error* open(const sf_model_desc* model, const sf_options* options, sf_predictor** predictor) {
  auto* wrong = new Wrong;
  if (options->count == 1) wrong->fault = options->values[0];
  if (wrong->fault == "nothing") {
    delete wrong;
    return nullptr;
  }
  wrong->values[0] = {SF_VALUE_ROWS, model->d_model};
  wrong->values[1] = {SF_VALUE_ROWS, model->d_model};
  wrong->values[2] = {SF_VALUE_ROWS, model->d_ff};
  wrong->tensors[0] = make_tensor("norm", 1, model->d_model, wrong->data);
  wrong->tensors[1] = make_tensor("scores", model->d_ff, model->d_model, wrong->data);
  const std::uint32_t* numbers = wrong->numbers;
  wrong->ops[0] = make_op(SF_OP_RMS_NORM, numbers, numbers + 1, wrong->weights, 1, &wrong->norm,
                          sizeof wrong->norm);
  wrong->ops[1] = make_op(SF_OP_LINEAR, numbers + 1, numbers + 2, wrong->weights + 1, 2,
                          &wrong->none, sizeof wrong->none);
  *predictor = reinterpret_cast<sf_predictor*>(wrong);
  return nullptr;
}

void close(sf_predictor* predictor) { delete reinterpret_cast<Wrong*>(predictor); }

void break_op(Wrong& wrong) {
  sf_op& first = wrong.ops[0];
  sf_op& second = wrong.ops[1];
  const std::string& fault = wrong.fault;
  if (fault == "unknown op") first.id = 999;
  if (fault == "stateful op") first.id = SF_OP_KV_WRITE;
  if (fault == "counts") first.n_weights = 2;
  if (fault == "no params") first.params = nullptr;
  if (fault == "no list") second.inputs = nullptr;
  if (fault == "read before write") first.inputs = wrong.numbers + 2;
  if (fault == "written twice") second.outputs = wrong.numbers + 1;
  if (fault == "no value") second.outputs = wrong.weights + 3;
  if (fault == "no weight") second.weights = wrong.weights + 2, wrong.weights[2] = 7;
}

void break_layer(Wrong& wrong, sf_predictor_layer& out) {
  const std::string& fault = wrong.fault;
  if (fault == "tap") out.tap = 9;
  if (fault == "gate rule") out.gate_rule = 9;
  if (fault == "scores") out.scores = 3;
  if (fault == "no values") out.values = nullptr;
  if (fault == "tap width") wrong.values[0].width += 1;
  if (fault == "scores width") wrong.values[2].width += 1;
  if (fault == "value kind") wrong.values[1].kind = SF_VALUE_ACTIVE;
  if (fault == "no ops" || fault == "rule alone") out.n_ops = 0;
  if (fault == "no scores" || fault == "rule alone") out.scores = SF_NONE;
  if (fault == "dtype") wrong.tensors[1].dtype = 77;
  if (fault == "blocks") wrong.tensors[1].dtype = 8;
  if (fault == "no data") wrong.tensors[1].data = nullptr;
}

sf_error* describe_layer(sf_predictor* predictor, std::uint32_t, sf_predictor_layer* out) {
  Wrong& wrong = *reinterpret_cast<Wrong*>(predictor);
  if (wrong.fault == "error")
    return synfire::sdk::make_error(synfire::sdk::kUnavailable, "this layer is secret");
  out->tap = SF_TAP_FFN_INPUT;
  out->n_values = 3;
  out->n_ops = 2;
  out->n_tensors = 2;
  out->scores = 2;
  out->values = wrong.values;
  out->ops = wrong.ops;
  out->tensors = wrong.tensors;
  break_op(wrong);
  break_layer(wrong, *out);
  return nullptr;
}

sf_error* initialize(const sf_host* host) {
  synfire::sdk::host() = host;
  return nullptr;
}

constexpr sf_predictor_api kApi = {sizeof(sf_predictor_api), 0,      &open, &close,
                                   &describe_layer,          nullptr};
constexpr sf_plugin kPlugin = {sizeof(sf_plugin),
                               SYNFIRE_ABI_MAJOR,
                               SYNFIRE_ABI_MINOR,
                               SF_PLUGIN_PREDICTOR,
                               "wrong",
                               "1.0.0",
                               "describes what cannot be run",
                               &initialize,
                               nullptr,
                               &kApi};

}  // namespace

extern "C" SYNFIRE_EXPORT const sf_plugin* synfire_plugin_query(void) { return &kPlugin; }
