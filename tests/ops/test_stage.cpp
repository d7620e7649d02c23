#include "tests/ops/test_stage.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "plugins/host/host_table.hpp"
#include "plugins/sdk/host_stage.hpp"

namespace synfire::ops_test {

std::vector<float> floats_of(const Bytes& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// ---- TestRun ----

void TestRun::notify(void* context, std::uint32_t what, sf_error* error) {
  auto& run = *static_cast<TestRun*>(context);
  const std::lock_guard lock(run.mutex_);
  run.told_.push_back(what);
  if (error != nullptr) run.end_ = host::take_error(error, "");
  run.changed_.notify_all();
}

Status TestRun::wait() {
  std::unique_lock lock(mutex_);
  const bool ended = changed_.wait_for(lock, std::chrono::minutes(1), [&] {
    return !told_.empty() && told_.back() == SF_STAGE_DONE;
  });
  if (!ended) return error(StatusCode::deadline_exceeded, "test: the stage did not end");
  SYNFIRE_RETURN_IF_ERROR(check_order());
  return end_;
}

bool TestRun::wait_for_output(std::uint32_t port) {
  std::unique_lock lock(mutex_);
  const auto told = [&](std::uint32_t what) {
    return std::find(told_.begin(), told_.end(), what) != told_.end();
  };
  changed_.wait_for(lock, std::chrono::minutes(1),
                    [&] { return told(port) || told(SF_STAGE_DONE); });
  return told(port);
}

bool TestRun::done() const {
  const std::lock_guard lock(mutex_);
  return !told_.empty() && told_.back() == SF_STAGE_DONE;
}

Status TestRun::check_order() const {
  for (std::size_t i = 0; i < told_.size(); ++i) {
    const bool last = i + 1 == told_.size();
    if ((told_[i] == SF_STAGE_DONE) != last)
      return error(StatusCode::internal, "test: notified after the end");
    if (std::count(told_.begin(), told_.end(), told_[i]) != 1)
      return error(StatusCode::internal, "test: notified twice of {}", told_[i]);
  }
  if (end_.ok() && told_.size() != outputs.size() + 1)
    return error(StatusCode::internal, "test: notified of {} outputs, want {}", told_.size() - 1,
                 outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::uint64_t flag = output_flag(i);
    if (end_.ok() ? flag != output_bindings[i].value : flag == 0)
      return error(StatusCode::internal, "test: output {} ended with flag {}", i, flag);
  }
  return {};
}

void TestRun::signal_input(std::size_t port) {
  std::atomic_ref(*inputs[port].flag).store(input_bindings[port].value, std::memory_order_release);
}
void TestRun::abort_input(std::size_t port) {
  std::atomic_ref(*inputs[port].flag).store(SF_EVENT_ABORTED, std::memory_order_release);
}
std::uint64_t TestRun::output_flag(std::size_t port) const {
  return std::atomic_ref(*outputs[port].flag).load(std::memory_order_acquire);
}
Bytes TestRun::output(std::size_t port) const {
  const auto* const from = static_cast<const std::byte*>(outputs[port].address);
  return Bytes(from, from + outputs[port].bytes);
}

// ---- TestStage ----

Result<std::unique_ptr<TestStage>> TestStage::make(TestDevice& device, const StageSpec& spec) {
  auto stage = std::make_unique<TestStage>(device, spec);
  SYNFIRE_RETURN_IF_ERROR(stage->build());
  return stage;
}

Status TestStage::build() {
  for (const HostTensor& tensor : spec_.weights) {
    SYNFIRE_ASSIGN_OR_RETURN(host::Weights weights,
                             device_->upload_weights(tensor.desc(spec_.tensor_flags)));
    weights_.push_back(std::move(weights));
  }
  for (std::size_t i = 0; i < spec_.neurons.size(); ++i) {
    sf_neurons_desc desc = spec_.neurons[i].desc;
    if (!spec_.neurons[i].bias.empty()) desc.bias = spec_.neurons[i].bias.data();
    if (!spec_.neurons[i].gate_weights.empty())
      desc.gate_weights = spec_.neurons[i].gate_weights.data();
    SYNFIRE_ASSIGN_OR_RETURN(host::Neurons neurons, device_->create_neurons(desc));
    neurons_.push_back(std::move(neurons));
    SYNFIRE_RETURN_IF_ERROR(upload_groups(i, spec_.neurons[i].resident));
  }
  for (const sf_kv_desc& desc : spec_.kv) {
    SYNFIRE_ASSIGN_OR_RETURN(host::Kv kv, device_->create_kv(desc));
    kv_.push_back(std::move(kv));
  }
  return compile();
}

Status TestStage::upload_groups(std::size_t neurons, const std::vector<std::uint32_t>& groups) {
  const NeuronsSpec& spec = spec_.neurons[neurons];
  for (const std::uint32_t group : groups) {
    const std::uint64_t first = std::uint64_t{group} * spec.desc.group_size;
    const sf_group_source source{group, spec_.tensor_flags,
                                 spec.desc.gated != 0 ? spec.gate.row(first) : nullptr,
                                 spec.up.row(first), spec.down.row(first)};
    SYNFIRE_RETURN_IF_ERROR(device_->upload_groups(neurons_[neurons], {&source, 1}));
  }
  return {};
}

Status TestStage::compile() {
  std::vector<sf_op> ops;
  for (const OpSpec& op : spec_.ops)
    ops.push_back({sizeof(sf_op), op.id, static_cast<std::uint32_t>(op.inputs.size()),
                   static_cast<std::uint32_t>(op.outputs.size()),
                   static_cast<std::uint32_t>(op.weights.size()), op.neurons, op.kv,
                   static_cast<std::uint32_t>(op.params.size()), op.inputs.data(),
                   op.outputs.data(), op.weights.data(), op.params.data()});
  std::vector<sf_weights*> weights;
  for (const host::Weights& handle : weights_) weights.push_back(handle.get());
  std::vector<sf_neurons*> neurons;
  for (const host::Neurons& handle : neurons_) neurons.push_back(handle.get());
  std::vector<sf_kv*> kv;
  for (const host::Kv& handle : kv_) kv.push_back(handle.get());
  const sf_stage_desc desc{sizeof(sf_stage_desc),
                           static_cast<std::uint32_t>(spec_.values.size()),
                           static_cast<std::uint32_t>(ops.size()),
                           static_cast<std::uint32_t>(weights.size()),
                           static_cast<std::uint32_t>(neurons.size()),
                           static_cast<std::uint32_t>(kv.size()),
                           static_cast<std::uint32_t>(spec_.inputs.size()),
                           static_cast<std::uint32_t>(spec_.outputs.size()),
                           spec_.max_tokens,
                           0,
                           spec_.name.c_str(),
                           spec_.values.data(),
                           ops.data(),
                           weights.data(),
                           neurons.data(),
                           kv.data(),
                           spec_.inputs.data(),
                           spec_.outputs.data()};
  SYNFIRE_ASSIGN_OR_RETURN(stage_, device_->compile_stage(desc));
  return {};
}

std::unique_ptr<TestRun> TestStage::prepare(const BatchSpec& batch,
                                            const std::vector<Bytes>& inputs, bool ready) {
  PortMemory& memory = device_.memory();
  auto run = std::make_unique<TestRun>();
  const auto flag = [&] { return static_cast<std::uint64_t*>(memory.take(8)); };
  for (const Bytes& bytes : inputs) {
    run->inputs.push_back({memory.copy_of(bytes), bytes.size(), flag()});
    run->input_bindings.push_back(
        {run->inputs.back().address, bytes.size(), run->inputs.back().flag, 1});
    if (ready) run->signal_input(run->inputs.size() - 1);
  }
  const auto n_wanted = static_cast<std::uint32_t>(batch.wanted.size());
  for (const std::uint32_t output : spec_.outputs) {
    const sf_value_desc& value = spec_.values[output];
    const std::size_t bytes = sdk::HostStage::value_bytes(
        value, value.kind == SF_VALUE_WANTED_ROWS ? n_wanted : batch.size());
    run->outputs.push_back({memory.take(bytes), bytes, flag()});
    run->output_bindings.push_back(
        {run->outputs.back().address, bytes, run->outputs.back().flag, 1});
  }
  run->batch = {sizeof(sf_batch),
                batch.size(),
                batch.n_sequences,
                n_wanted,
                batch.max_blocks,
                0,
                memory.copy_of(batch.tokens),
                memory.copy_of(batch.positions),
                memory.copy_of(batch.sequences),
                memory.copy_of(batch.wanted),
                memory.copy_of(batch.block_tables)};
  run->submission = {sizeof(sf_submission),
                     0,
                     &run->batch,
                     run->input_bindings.data(),
                     run->output_bindings.data(),
                     &TestRun::notify,
                     run.get()};
  return run;
}

Result<std::vector<Bytes>> TestStage::run(const BatchSpec& batch,
                                          const std::vector<Bytes>& inputs) {
  device_.memory().rewind();
  const std::unique_ptr<TestRun> run = prepare(batch, inputs, true);
  SYNFIRE_RETURN_IF_ERROR(submit(*run));
  SYNFIRE_RETURN_IF_ERROR(run->wait());
  std::vector<Bytes> outputs;
  for (std::size_t i = 0; i < run->outputs.size(); ++i) outputs.push_back(run->output(i));
  return outputs;
}

}  // namespace synfire::ops_test
