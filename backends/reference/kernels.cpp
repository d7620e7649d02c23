#include "backends/reference/kernels.hpp"

namespace synfire::reference {

sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info) {
  switch (info.id) {
    case SF_OP_EMBED: return &embed;
    case SF_OP_RMS_NORM: return &rms_norm;
    case SF_OP_LAYER_NORM: return &layer_norm;
    case SF_OP_ADD_ROW: return &add_row;
    case SF_OP_ADD_POSITIONS: return &add_positions;
    case SF_OP_LINEAR: return &linear;
    case SF_OP_ROPE: return &rope;
    case SF_OP_KV_WRITE: return &kv_write;
    case SF_OP_ATTENTION: return &attention;
    case SF_OP_ADD: return &add;
    case SF_OP_ACTIVATE: return &activate;
    case SF_OP_GATHER_WANTED: return &gather_wanted;
    case SF_OP_NEURON_GATE: return &neuron_gate;
    case SF_OP_SELECT: return &select;
    case SF_OP_NEURON_FFN: return &neuron_ffn;
    case SF_OP_SIGN_LINEAR: return &sign_linear;
    default: throw sdk::Error(sdk::kUnimplemented, std::string("reference: op ") + info.name);
  }
}

}  // namespace synfire::reference
