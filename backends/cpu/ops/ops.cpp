#include "backends/cpu/ops/ops.hpp"

#include "backends/cpu/cpu_device.hpp"

namespace synfire::cpu {
namespace {

template <void (*Op)(CpuDevice&, const sdk::OpCall&)>
void run(void* device, const sdk::OpCall& call) {
  Op(*static_cast<CpuDevice*>(device), call);
}

}  // namespace

sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info) {
  switch (info.id) {
    case SF_OP_EMBED: return &run<embed>;
    case SF_OP_RMS_NORM: return &run<rms_norm>;
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
