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

// Whether a stage computes, or is told, which neurons a predictor takes for active. Its thresholds
// turn the last bits of whatever comes before them into neurons that are lost or found; gates that
// are compared with zero do not.
bool follows_guesses(const sf_stage_desc& desc);

void embed(CpuDevice& device, const sdk::OpCall& call);
void rms_norm(CpuDevice& device, const sdk::OpCall& call);
void layer_norm(CpuDevice& device, const sdk::OpCall& call);
void add_row(CpuDevice& device, const sdk::OpCall& call);
void add_positions(CpuDevice& device, const sdk::OpCall& call);
void linear(CpuDevice& device, const sdk::OpCall& call);
// Linear ops of one input.
void linears(CpuDevice& device, std::span<const sdk::OpCall> calls);
// Two linear ops of one input, gate and up in any order, and the activation of their results.
void gated_linear(CpuDevice& device, std::span<const sdk::OpCall> calls);
// The same; the gate's result is kept, up's is not.
void gated_linear_and_gates(CpuDevice& device, std::span<const sdk::OpCall> calls);
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
