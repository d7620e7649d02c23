#pragma once

#include "plugins/sdk/host_stage.hpp"

// One straightforward kernel per op, in scalar float32 with sums in double: the definition that
// every other backend is compared with. They keep nothing between calls and ask for no device, so
// any thread may run them.
namespace synfire::reference {

// The kernel of an op; throws UNIMPLEMENTED where there is none.
sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info);

void embed(void*, const sdk::OpCall& call);
void rms_norm(void*, const sdk::OpCall& call);
void layer_norm(void*, const sdk::OpCall& call);
void add_row(void*, const sdk::OpCall& call);
void add_positions(void*, const sdk::OpCall& call);
void linear(void*, const sdk::OpCall& call);
void rope(void*, const sdk::OpCall& call);
void kv_write(void*, const sdk::OpCall& call);
void attention(void*, const sdk::OpCall& call);
void add(void*, const sdk::OpCall& call);
void activate(void*, const sdk::OpCall& call);
void gather_wanted(void*, const sdk::OpCall& call);
void neuron_gate(void*, const sdk::OpCall& call);
void select(void*, const sdk::OpCall& call);
void sign_linear(void*, const sdk::OpCall& call);
void neuron_ffn(void*, const sdk::OpCall& call);

}  // namespace synfire::reference
