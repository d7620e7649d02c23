#pragma once

#include "plugins/sdk/host_stage.hpp"

namespace synfire::cpu {

class CpuDevice;

// What runs each op of the table. Called on the device's thread, which is member 0 of its team.
sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info);

void embed(CpuDevice& device, const sdk::OpCall& call);
void rms_norm(CpuDevice& device, const sdk::OpCall& call);
void linear(CpuDevice& device, const sdk::OpCall& call);
void rope(CpuDevice& device, const sdk::OpCall& call);
void kv_write(CpuDevice& device, const sdk::OpCall& call);
void attention(CpuDevice& device, const sdk::OpCall& call);
void add(CpuDevice& device, const sdk::OpCall& call);
void activate(CpuDevice& device, const sdk::OpCall& call);
void gather_wanted(CpuDevice& device, const sdk::OpCall& call);
void neuron_gate(CpuDevice& device, const sdk::OpCall& call);
void select(CpuDevice& device, const sdk::OpCall& call);
void neuron_ffn(CpuDevice& device, const sdk::OpCall& call);
void sign_linear(CpuDevice& device, const sdk::OpCall& call);

}  // namespace synfire::cpu
