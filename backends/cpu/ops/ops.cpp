#include "backends/cpu/ops/ops.hpp"

#include <algorithm>

#include "backends/cpu/cpu_device.hpp"

namespace synfire::cpu {
namespace {

template <void (*Op)(CpuDevice&, const sdk::OpCall&)>
void run(void* device, const sdk::OpCall& call) {
  Op(*static_cast<CpuDevice*>(device), call);
}

template <void (*Ops)(CpuDevice&, std::span<const sdk::OpCall>)>
void run_fused(void* device, std::span<const sdk::OpCall> calls) {
  Ops(*static_cast<CpuDevice*>(device), calls);
}

bool reads(const sdk::HostOp& op, std::uint32_t value) {
  return std::find(op.inputs.begin(), op.inputs.end(), value) != op.inputs.end();
}

// Whether two linear ops and an activation are a gated unit.
bool is_gated_unit(std::span<const sdk::HostOp> ops) {
  if (ops.size() < 3 || ops[2].info->id != SF_OP_ACTIVATE || ops[2].inputs[1] == SF_NONE)
    return false;
  const std::uint32_t a = ops[0].outputs[0], b = ops[1].outputs[0];
  return reads(ops[2], a) && reads(ops[2], b) && a != b;
}

// One pass over both matrices of a gated unit, whose halves are kept only where others read them.
sdk::HostStage::Fusion fused_gated_unit(std::span<const sdk::HostOp> ops) {
  const std::uint32_t gate = ops[2].inputs[0], up = ops[2].inputs[1];
  const auto others_read = [&](std::uint32_t value) {
    return std::any_of(ops.begin() + 3, ops.end(),
                       [&](const sdk::HostOp& op) { return reads(op, value); });
  };
  if (others_read(up)) return {2, &run_fused<linears>};
  if (others_read(gate)) return {3, &run_fused<gated_linear_and_gates>};
  return {3, &run_fused<gated_linear>};
}

}  // namespace

sdk::HostStage::Fusion find_fusion(std::span<const sdk::HostOp> ops) {
  std::size_t n = 0;
  while (n < ops.size() && ops[n].info->id == SF_OP_LINEAR && ops[n].inputs == ops[0].inputs) ++n;
  if (n < 2) return {};
  if (n == 2 && is_gated_unit(ops)) return fused_gated_unit(ops);
  return {n, &run_fused<linears>};
}

bool follows_guesses(const sf_stage_desc& desc) {
  std::vector<bool> is_gates(desc.n_values), is_exact(desc.n_values);
  for (const sf_op& op : std::span(desc.ops, desc.n_ops)) {
    if (op.id == SF_OP_NEURON_GATE) is_gates[op.outputs[0]] = true;
    if (op.id == SF_OP_SELECT) {
      if (!is_gates[op.inputs[0]]) return true;
      is_exact[op.outputs[0]] = true;
    }
    if (op.id == SF_OP_NEURON_FFN && op.inputs[1] != SF_NONE && !is_exact[op.inputs[1]])
      return true;
  }
  return false;
}

sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info) {
  switch (info.id) {
    case SF_OP_EMBED: return &run<embed>;
    case SF_OP_RMS_NORM: return &run<rms_norm>;
    case SF_OP_LAYER_NORM: return &run<layer_norm>;
    case SF_OP_ADD_ROW: return &run<add_row>;
    case SF_OP_ADD_POSITIONS: return &run<add_positions>;
    case SF_OP_LINEAR: return &run<linear>;
    case SF_OP_ROPE: return &run<rope>;
    case SF_OP_KV_WRITE: return &run<kv_write>;
    case SF_OP_ATTENTION: return &run<attention>;
    case SF_OP_ADD: return &run<add>;
    case SF_OP_ACTIVATE: return &run<activate>;
    case SF_OP_GATHER_WANTED: return &run<gather_wanted>;
    case SF_OP_NEURON_GATE: return &run<neuron_gate>;
    case SF_OP_SELECT: return &run<select>;
    case SF_OP_NEURON_FFN: return &run<neuron_ffn>;
    case SF_OP_SIGN_LINEAR: return &run<sign_linear>;
    default: throw sdk::Error(sdk::kUnimplemented, std::string("cpu: op ") + info.name);
  }
}

}  // namespace synfire::cpu
