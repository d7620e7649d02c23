#pragma once

#include <span>

#include "plugins/sdk/host_stage.hpp"

namespace synfire::cpu {

class CpuDevice;

// What runs each op of the table. Called on the device's thread, which is member 0 of its team.
sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info);
// Linear ops of one input that follow each other, and the activation of two of them: each region
// of the team costs a microsecond or two, so fewer are better.
sdk::HostStage::Fusion find_fusion(std::span<const sdk::HostOp> ops);

void embed(CpuDevice& device, const sdk::OpCall& call);
void rms_norm(CpuDevice& device, const sdk::OpCall& call);
void linear(CpuDevice& device, const sdk::OpCall& call);
// Linear ops of one input.
void linears(CpuDevice& device, std::span<const sdk::OpCall> calls);
// Linear ops of one input, one of them on the way to select: a threshold turns a wrong last bit
// into a lost neuron.
void scoring_linear(CpuDevice& device, std::span<const sdk::OpCall> calls);
// Two linear ops of one input, gate and up in any order, and the activation of their results.
void gated_linear(CpuDevice& device, std::span<const sdk::OpCall> calls);
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
