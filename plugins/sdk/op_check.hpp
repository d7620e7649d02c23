#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

inline std::string stage_name(const sf_stage_desc& stage) {
  return stage.name == nullptr ? "stage" : stage.name;
}

// The table's row for `op`, whose operand counts, indices and parameter size are checked against it
// and against the stage. Throws Error naming the stage, the op, the got and the wanted.
inline const OpInfo& check_op(const sf_stage_desc& stage, const sf_op& op) {
  const OpInfo* const info = find_op(op.id);
  const std::string where = stage_name(stage) + ": ";
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

// Checks the flow of values through a stage: indices of ops and ports, each value written once and
// before it is read, ports touched by copies only. Throws Error as check_op does.
class StageCheck {
 public:
  explicit StageCheck(const sf_stage_desc& stage)
      : stage_(stage), role_(stage.n_values, Role::scratch), written_(stage.n_values, false) {}

  void check() {
    for (std::uint32_t i = 0; i < stage_.n_values; ++i)
      want(stage_.values[i].kind >= SF_VALUE_ROWS && stage_.values[i].kind <= SF_VALUE_ACTIVE, i,
           "is of an unknown kind");
    for (std::uint32_t i = 0; i < stage_.n_inputs; ++i) add_port(stage_.inputs[i], Role::input);
    for (std::uint32_t i = 0; i < stage_.n_outputs; ++i) add_port(stage_.outputs[i], Role::output);
    for (std::uint32_t i = 0; i < stage_.n_ops; ++i) check_flow(stage_.ops[i]);
    for (std::uint32_t i = 0; i < stage_.n_outputs; ++i)
      want(written_[stage_.outputs[i]], stage_.outputs[i], "is an output port that no op writes");
  }

 private:
  enum class Role { scratch, input, output };

  void want(bool good, std::uint32_t value, const char* what) const {
    if (!good)
      throw Error(kInvalidArgument,
                  stage_name(stage_) + ": value " + std::to_string(value) + " " + what);
  }
  void add_port(std::uint32_t value, Role role) {
    want(value < stage_.n_values, value, "is a port, but the stage has no such value");
    want(role_[value] == Role::scratch, value, "is a port twice");
    role_[value] = role;
    written_[value] = role == Role::input;
  }
  void check_flow(const sf_op& op) {
    check_op(stage_, op);
    const bool is_copy = op.id == SF_OP_COPY;
    for (std::uint32_t i = 0; i < op.n_inputs; ++i) {
      const std::uint32_t value = op.inputs[i];
      if (value == SF_NONE) continue;
      want(written_[value], value, "is read before it is written");
      want(role_[value] == Role::scratch || (is_copy && role_[value] == Role::input), value,
           "is a port, which only a copy from an input port may read");
    }
    for (std::uint32_t i = 0; i < op.n_outputs; ++i) {
      const std::uint32_t value = op.outputs[i];
      want(!written_[value], value, "is written twice");
      want(role_[value] == Role::scratch || is_copy, value,
           "is an output port, which only a copy may write");
      written_[value] = true;
    }
  }

  const sf_stage_desc& stage_;
  std::vector<Role> role_;     // by value
  std::vector<bool> written_;  // by value
};

}  // namespace synfire::sdk
