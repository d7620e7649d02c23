#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "core/runtime/stage_plan.hpp"

namespace synfire {

// An op placed on a device: operands are values of the cutter, weights of that device.
struct PlacedOp {
  std::uint32_t device;
  std::uint32_t id;
  std::vector<ValueId> inputs;  // kNone for an absent one
  std::vector<ValueId> outputs;
  std::vector<std::uint32_t> weights;
  std::uint32_t neurons = SF_NONE;
  bool uses_kv = false;
  OpParams params;
};

// Takes ops in program order, each with its device, and grows the devices' stages and the channels
// between them.
class StageCutter {
 public:
  StageCutter(ExecutionPlan& plan, std::vector<sf_value_desc> values);

  [[nodiscard]] ValueId add_value(sf_value_desc value);
  void add_op(const PlacedOp& op);
  // Makes all of `values` readable in one stage of `device`, so that a join is one cut, not one per
  // value.
  void gather(std::uint32_t device, const std::vector<ValueId>& values);
  // A channel that the host reads.
  [[nodiscard]] std::uint32_t export_value(ValueId value);
  // Names the stages that begin from now on.
  void set_label(std::string label) { label_ = std::move(label); }

 private:
  struct Home {  // where a value was computed
    std::uint32_t device = 0, stage = 0, local = 0;
    std::uint32_t channel = SF_NONE;
  };
  struct OpenStage {
    bool open = false;
    bool computes = false;                    // more than copies from ports
    std::map<ValueId, std::uint32_t> locals;  // value -> value of the stage
  };

  StageSpec& current(std::uint32_t device);
  [[nodiscard]] bool is_remote(std::uint32_t device, ValueId value) const;
  std::uint32_t add_local(std::uint32_t device, ValueId value);
  std::uint32_t use(std::uint32_t device, ValueId value);
  // Where in its stage the copy to a channel that others read comes.
  [[nodiscard]] std::size_t after_writer(const Home& home) const;
  // The value's channel; where it has none yet, copied to it by an op that becomes its stage's
  // `at`th.
  std::uint32_t channel_of(ValueId value, std::size_t at);

  ExecutionPlan& plan_;
  std::vector<sf_value_desc> values_;
  std::vector<Home> homes_;      // by value
  std::vector<OpenStage> open_;  // by device
  std::string label_;
};

}  // namespace synfire
