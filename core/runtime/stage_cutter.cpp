#include "core/runtime/stage_cutter.hpp"

#include <algorithm>
#include <utility>

namespace synfire {
namespace {

StageOp copy_op(std::uint32_t from, std::uint32_t to) {
  return {SF_OP_COPY, {from}, {to}, {}, SF_NONE, false, sf_no_params{}};
}

}  // namespace

StageCutter::StageCutter(ExecutionPlan& plan, std::vector<sf_value_desc> values)
    : plan_(plan), values_(std::move(values)), homes_(values_.size()), open_(plan.devices.size()) {}

ValueId StageCutter::add_value(sf_value_desc value) {
  values_.push_back(value);
  homes_.emplace_back();
  return static_cast<ValueId>(values_.size() - 1);
}

void StageCutter::add_op(const PlacedOp& op) {
  std::vector<ValueId> present;
  std::copy_if(op.inputs.begin(), op.inputs.end(), std::back_inserter(present),
               [](ValueId v) { return v != kNone; });
  gather(op.device, present);
  StageOp made{op.id, {}, {}, op.weights, op.neurons, op.uses_kv, op.params};
  for (const ValueId v : op.inputs) made.inputs.push_back(v == kNone ? SF_NONE : use(op.device, v));
  for (const ValueId v : op.outputs) {
    made.outputs.push_back(add_local(op.device, v));
    const auto stage = static_cast<std::uint32_t>(plan_.devices[op.device].stages.size() - 1);
    homes_[v] = {op.device, stage, made.outputs.back(), SF_NONE};
  }
  current(op.device).ops.push_back(std::move(made));
  open_[op.device].computes = true;
}

void StageCutter::gather(std::uint32_t device, const std::vector<ValueId>& values) {
  const bool waits =
      std::any_of(values.begin(), values.end(), [&](ValueId v) { return is_remote(device, v); });
  // The stage so far must end before its device may wait: what it computes may be what the other
  // one waits for.
  if (waits && open_[device].computes) open_[device] = OpenStage{};
  for (const ValueId v : values) use(device, v);
}

// The host waits for the whole step, so the copy has time: it comes after the ops so far, which may
// then run as one.
std::uint32_t StageCutter::export_value(ValueId value) {
  const Home& home = homes_[value];
  return channel_of(value, plan_.devices[home.device].stages[home.stage].ops.size());
}

StageSpec& StageCutter::current(std::uint32_t device) {
  std::vector<StageSpec>& stages = plan_.devices[device].stages;
  if (!open_[device].open) {
    open_[device].open = true;
    stages.push_back({label_, {}, {}, {}, {}});
  }
  return stages.back();
}

bool StageCutter::is_remote(std::uint32_t device, ValueId value) const {
  return homes_[value].device != device && !open_[device].locals.contains(value);
}

std::uint32_t StageCutter::add_local(std::uint32_t device, ValueId value) {
  StageSpec& stage = current(device);
  stage.values.push_back(values_[value]);
  const auto local = static_cast<std::uint32_t>(stage.values.size() - 1);
  open_[device].locals[value] = local;
  return local;
}

std::uint32_t StageCutter::use(std::uint32_t device, ValueId value) {
  StageSpec& stage = current(device);
  if (const auto found = open_[device].locals.find(value); found != open_[device].locals.end())
    return found->second;
  const std::uint32_t channel = channel_of(value, after_writer(homes_[value]));
  stage.values.push_back(values_[value]);
  const auto port = static_cast<std::uint32_t>(stage.values.size() - 1);
  const auto stage_index = static_cast<std::uint32_t>(plan_.devices[device].stages.size() - 1);
  plan_.channels[channel].to.push_back(
      {device, stage_index, static_cast<std::uint32_t>(stage.inputs.size())});
  stage.inputs.push_back(port);
  const std::uint32_t local = add_local(device, value);
  stage.ops.push_back(copy_op(port, local));
  return local;
}

// What another device waits for leaves as soon as it is there.
std::size_t StageCutter::after_writer(const Home& home) const {
  const std::vector<StageOp>& ops = plan_.devices[home.device].stages[home.stage].ops;
  const auto writer = std::find_if(ops.begin(), ops.end(), [&](const StageOp& op) {
    return std::find(op.outputs.begin(), op.outputs.end(), home.local) != op.outputs.end();
  });
  return static_cast<std::size_t>(writer - ops.begin()) + 1;
}

std::uint32_t StageCutter::channel_of(ValueId value, std::size_t at) {
  Home& home = homes_[value];
  if (home.channel != SF_NONE) return home.channel;
  StageSpec& stage = plan_.devices[home.device].stages[home.stage];
  stage.values.push_back(values_[value]);
  const auto port = static_cast<std::uint32_t>(stage.values.size() - 1);
  stage.ops.insert(stage.ops.begin() + static_cast<std::ptrdiff_t>(at), copy_op(home.local, port));
  home.channel = static_cast<std::uint32_t>(plan_.channels.size());
  plan_.channels.push_back(
      {values_[value],
       {home.device, home.stage, static_cast<std::uint32_t>(stage.outputs.size())},
       {}});
  stage.outputs.push_back(port);
  return home.channel;
}

}  // namespace synfire
