#pragma once

#include <memory>

#include "backends/cpu/affinity.hpp"
#include "backends/cpu/cpu_options.hpp"
#include "backends/cpu/kernels/kernel_table.hpp"
#include "backends/cpu/ops/rope_table.hpp"
#include "backends/cpu/thread_team.hpp"
#include "backends/cpu/weight_arena.hpp"
#include "backends/cpu/workspace.hpp"
#include "plugins/sdk/host_device.hpp"

namespace synfire::cpu {

// Some cores of the machine as one device: a thread team, the kernels of a SIMD level, and the
// memory that ops share. The submitting thread is member 0 of the team, and stays at its home while
// the device lives, if it is the thread that opened the device.
class CpuDevice : public sdk::HostDevice {
 public:
  explicit CpuDevice(const CpuOptions& options);
  // With other kernels than the level's.
  CpuDevice(const CpuOptions& options, const KernelTable& kernels);

  bool supports(const sdk::OpQuery& query) override;
  std::unique_ptr<sdk::Weights> upload_weights(const sf_tensor_desc& tensor) override;
  std::unique_ptr<sdk::Neurons> create_neurons(const sf_neurons_desc& desc) override;
  std::unique_ptr<sdk::Kv> create_kv(const sf_kv_desc& desc) override;
  std::unique_ptr<sdk::Stage> compile_stage(const sf_stage_desc& desc) override;
  void measure(sf_measurement& measurement) override;

  // For the ops.
  [[nodiscard]] ThreadTeam& team() { return team_; }
  [[nodiscard]] const ThreadTeam& team() const { return team_; }
  [[nodiscard]] const KernelTable& kernels() const { return kernels_; }
  [[nodiscard]] Workspace& workspace() { return workspace_; }
  [[nodiscard]] RopeTable& rope_table() { return rope_table_; }
  // Whether half floats multiply as 16-bit integers where a batch has many tokens: faster, and
  // wrong in bits that a predictor's threshold would see.
  [[nodiscard]] bool multiplies_wide() const {
    return kernels_.quantize_wide != nullptr && !follows_guesses_;
  }

 private:
  const KernelTable& kernels_;
  ProcessorClaim claim_;
  ThreadHomes homes_;
  KeptHere kept_;
  ThreadTeam team_;
  WeightArena arena_;
  Workspace workspace_;
  RopeTable rope_table_;
  double throttle_;
  bool follows_guesses_ = false;  // some stage does
};

// The kernels of a level on this machine.
const KernelTable& kernels_of(SimdLevel level, const CpuFeatures& features);

}  // namespace synfire::cpu
