#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/compile_options.hpp"
#include "core/runtime/plan_weights.hpp"
#include "core/runtime/predictor_program.hpp"
#include "core/runtime/stage_cutter.hpp"
#include "core/runtime/stage_plan.hpp"
#include "core/sparsity/placement.hpp"

namespace synfire {

// Puts the parts of a program on devices; who gets which part, the compilers say. All that it is
// made from is borrowed.
class PlanBuilder {
 public:
  PlanBuilder(const Program& program, const GgufFile& file, const Placement& placement,
              const PredictorProgram& predictor, const CompileOptions& options);

  [[nodiscard]] ExecutionPlan& plan() { return plan_; }
  [[nodiscard]] PlanWeights& weights() { return weights_; }
  [[nodiscard]] StageCutter& cutter() { return cutter_; }
  [[nodiscard]] ExecutionPlan finish();  // once, at the end

  // The device's own of a program's value, where it has one; else the only one there is.
  [[nodiscard]] ValueId here(std::uint32_t device, ValueId value) const;
  // From now on the device has its own.
  ValueId make_own(std::uint32_t device, ValueId value, std::uint32_t width);

  // ---- Ops ----
  // One whose parameters name a model layer gets the layer of the device's KV storage, which has
  // `n_kv_heads` of each.
  void add_op(PlacedOp op, std::uint32_t n_kv_heads = 0);
  // `bias`: the device's, or SF_NONE.
  ValueId linear(std::uint32_t device, ValueId x, const WeightUpload& weight, std::uint32_t bias,
                 ValueId y);
  [[nodiscard]] ValueId partial_sum();
  // Sums partial sums in device order, on one of the devices.
  void join(std::uint32_t device, const std::vector<ValueId>& partials, ValueId output);

  // ---- FFNs ----
  // Whether an FFN is computed by matrices as the file has them, instead of neurons.
  [[nodiscard]] bool is_dense(std::uint32_t layer) const;
  // What neurons [first, end) add to a layer's FFN, by matrices.
  void dense_share(std::uint32_t layer, std::uint32_t device, std::uint32_t first,
                   std::uint32_t end, ValueId output);
  // What the device's groups add to it. `active` is of the predictor, or kNone.
  void neuron_share(std::uint32_t layer, std::uint32_t device, ValueId active, ValueId output);
  // The active list by the predictor plugin's ops, computed on `device`; kNone where none guesses.
  [[nodiscard]] ValueId predict(std::uint32_t layer, std::uint32_t device);
  // Where the options have a tap, the host is to see it, as `device` has it.
  void export_tap(std::uint32_t layer, std::uint32_t device);

 private:
  // Where the options say so, the host is to see what decides which neurons fire.
  void export_gates(ValueId gates);
  [[nodiscard]] ValueId tap(std::uint32_t layer, std::uint32_t which) const;

  const Program& program_;
  const PredictorProgram& predictor_;
  const CompileOptions& options_;
  ExecutionPlan plan_;
  PlanWeights weights_;
  StageCutter cutter_;
  std::vector<std::map<ValueId, ValueId>> own_;  // by device
};

}  // namespace synfire
