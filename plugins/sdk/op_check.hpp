#pragma once

#include <cstdint>
#include <string>

#include "plugins/sdk/backend.hpp"
#include "plugins/sdk/ops.h"

namespace synfire::sdk {

struct OpInfo {
  std::uint32_t id;
  const char* name;
  std::uint32_t n_inputs, n_outputs, n_weights;
  bool uses_neurons, uses_kv;
  std::uint32_t params_size;
};

// Null for an id that the op table lacks.
inline const OpInfo* find_op(std::uint32_t id) {
  static constexpr OpInfo kOps[] = {
#define SYNFIRE_OP_INFO(id, number, name, inputs, outputs, weights, neurons, kv, params) \
  {number, name, inputs, outputs, weights, neurons != 0, kv != 0, sizeof(params)},
      SYNFIRE_OP_TABLE(SYNFIRE_OP_INFO)
#undef SYNFIRE_OP_INFO
  };
  for (const OpInfo& info : kOps)
    if (info.id == id) return &info;
  return nullptr;
}

// The table's row for `op`, whose operand counts, indices and parameter size are checked against it
// and against the stage. Throws Error naming the stage, the op, the got and the wanted.
inline const OpInfo& check_op(const sf_stage_desc& stage, const sf_op& op) {
  const OpInfo* const info = find_op(op.id);
  const std::string where = std::string(stage.name) + ": ";
  if (info == nullptr)
    throw Error(kUnimplemented, where + "op number " + std::to_string(op.id) + " is unknown");
  const auto want = [&](bool good, const char* what, std::uint64_t got, std::uint64_t wanted) {
    if (!good)
      throw Error(kInvalidArgument, where + "op " + info->name + ": " + what + " " +
                                        std::to_string(got) + ", want " + std::to_string(wanted));
  };
  want(op.n_inputs == info->n_inputs, "inputs", op.n_inputs, info->n_inputs);
  want(op.n_outputs == info->n_outputs, "outputs", op.n_outputs, info->n_outputs);
  want(op.n_weights == info->n_weights, "weights", op.n_weights, info->n_weights);
  want(op.params_size == info->params_size, "bytes of parameters", op.params_size,
       info->params_size);
  for (std::uint32_t i = 0; i < op.n_inputs; ++i)
    want(op.inputs[i] == SF_NONE || op.inputs[i] < stage.n_values, "input value", op.inputs[i],
         stage.n_values);
  for (std::uint32_t i = 0; i < op.n_outputs; ++i)
    want(op.outputs[i] < stage.n_values, "output value", op.outputs[i], stage.n_values);
  for (std::uint32_t i = 0; i < op.n_weights; ++i)
    want(op.weights[i] == SF_NONE || op.weights[i] < stage.n_weights, "weight", op.weights[i],
         stage.n_weights);
  want(op.neurons == SF_NONE || op.neurons < stage.n_neurons, "neurons", op.neurons,
       stage.n_neurons);
  want(op.kv == SF_NONE || op.kv < stage.n_kv, "KV storage", op.kv, stage.n_kv);
  return *info;
}

}  // namespace synfire::sdk
