#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "plugins/sdk/active_list.hpp"
#include "plugins/sdk/backend.hpp"
#include "plugins/sdk/batch_check.hpp"
#include "plugins/sdk/device_counters.hpp"
#include "plugins/sdk/host_memory.hpp"
#include "plugins/sdk/op_check.hpp"
#include "plugins/sdk/op_shapes.hpp"
#include "plugins/sdk/ops.h"
#include "plugins/sdk/scratch_plan.hpp"

namespace synfire::sdk {

// One op of a HostStage, its operands resolved.
struct HostOp {
  const OpInfo* info;
  std::vector<std::uint32_t> inputs;        // values
  std::vector<std::uint32_t> outputs;       // values
  std::vector<const HostWeights*> weights;  // null for an absent one
  HostNeurons* neurons;                     // null without
  HostKv* kv;                               // null without
  std::vector<std::byte> params;
};

class HostStage;

// One op under execution: what a kernel sees. Lives for the call of the kernel.
class OpCall {
 public:
  OpCall(const HostStage& stage, const HostOp& op, const sf_submission& submission)
      : stage_(stage), op_(op), submission_(submission) {}

  [[nodiscard]] const sf_batch& batch() const { return *submission_.batch; }
  [[nodiscard]] bool has_input(std::size_t i) const { return op_.inputs[i] != SF_NONE; }
  [[nodiscard]] const float* input(std::size_t i) const;  // null for an absent one
  [[nodiscard]] float* output(std::size_t i) const;
  [[nodiscard]] ActiveList active_input(std::size_t i) const;
  [[nodiscard]] ActiveList active_output(std::size_t i) const;
  [[nodiscard]] std::uint32_t input_width(std::size_t i) const;
  [[nodiscard]] std::uint32_t output_width(std::size_t i) const;
  // Rows of input or output i: the batch's tokens, or those whose logits are wanted.
  [[nodiscard]] std::uint32_t input_rows(std::size_t i) const;
  [[nodiscard]] std::uint32_t output_rows(std::size_t i) const;
  // Elements of input i, a value of rows of floats.
  [[nodiscard]] std::size_t input_size(std::size_t i) const {
    return std::size_t{input_rows(i)} * input_width(i);
  }

  [[nodiscard]] const HostWeights& weights(std::size_t i) const { return *op_.weights[i]; }
  [[nodiscard]] const HostWeights* optional_weights(std::size_t i) const { return op_.weights[i]; }
  [[nodiscard]] const HostNeurons& neurons() const { return *op_.neurons; }
  [[nodiscard]] bool has_neurons() const { return op_.neurons != nullptr; }
  [[nodiscard]] const HostKv& kv() const { return *op_.kv; }
  template <typename Params>
  [[nodiscard]] const Params& params() const {
    return *reinterpret_cast<const Params*>(op_.params.data());
  }
  // The KV block of a sequence's position; throws where the block table does not reach so far.
  [[nodiscard]] std::uint32_t block_of(std::uint32_t sequence, std::uint32_t position) const {
    const std::uint32_t index = position / kv().desc().block_tokens;
    if (index >= batch().max_blocks)
      throw Error(kOutOfRange, std::string(op_.info->name) + ": position " +
                                   std::to_string(position) + " of sequence " +
                                   std::to_string(sequence) + ": its block table has " +
                                   std::to_string(batch().max_blocks) + " blocks of " +
                                   std::to_string(kv().desc().block_tokens) + " tokens");
    const std::uint32_t block =
        batch().block_tables[std::size_t{sequence} * batch().max_blocks + index];
    if (block >= kv().desc().n_blocks)
      throw Error(kOutOfRange, std::string(op_.info->name) + ": block " + std::to_string(block) +
                                   " of sequence " + std::to_string(sequence) +
                                   ": want less than " + std::to_string(kv().desc().n_blocks));
    return block;
  }
  // Where the KV storage keeps the key (or value) of one head at a sequence's position: [head_dim]
  // of kv().dtype().
  [[nodiscard]] std::byte* kv_row(bool value, std::uint32_t layer, std::uint32_t sequence,
                                  std::uint32_t position, std::uint32_t head) const {
    const std::uint32_t block = block_of(sequence, position);
    std::byte* const rows = value ? kv().values(layer, block, head) : kv().keys(layer, block, head);
    return rows + position % kv().desc().block_tokens * kv().row_bytes_of_head();
  }

  // For sf_counters: rows of neurons that a kernel reads, and what it computed to the end. Members
  // of a team count at the same time, each as itself.
  void count_rows(NeuronPart part, std::uint64_t rows, std::size_t member = 0) const;
  void count_active(std::uint64_t neurons_of_tokens, std::size_t member = 0) const;

 private:
  const HostStage& stage_;
  const HostOp& op_;
  const sf_submission& submission_;
};

// An interpreter of stages in host memory: op by op, with a kernel each. Ports are bound per
// submission; copies to and from them are the interpreter's own. All that a stage can have wrong is
// found when it is made (StageCheck, OpShapes); batches and what comes in by ports are checked when
// it runs. run() is called by one thread at a time.
class HostStage : public Stage {
 public:
  // Looks up what runs an op; throws UNIMPLEMENTED for what the backend does not know.
  using Kernel = void (*)(void* device, const OpCall& call);
  using FindKernel = Kernel (*)(const OpInfo& info);
  // Ops that one kernel runs at once, for backends that know better than one after the other. What
  // they write is read by nobody before all of them are done.
  struct Fusion {
    std::size_t n_ops = 0;  // 0: none begins here
    void (*kernel)(void* device, std::span<const OpCall> calls) = nullptr;
  };
  // Looks at the ops from one on to the stage's end.
  using FindFusion = Fusion (*)(std::span<const HostOp> ops);

  // `device` is handed to kernels; it and `counters` outlive the stage.
  HostStage(const sf_stage_desc& desc, FindKernel find_kernel, void* device,
            DeviceCounters& counters, FindFusion find_fusion = nullptr)
      : name_(stage_name(desc)),
        max_tokens_(desc.max_tokens),
        values_(desc.values, desc.values + desc.n_values),
        inputs_(desc.inputs, desc.inputs + desc.n_inputs),
        outputs_(desc.outputs, desc.outputs + desc.n_outputs),
        device_(device),
        counters_(counters) {
    StageCheck(desc).check();
    for (std::uint32_t i = 0; i < desc.n_ops; ++i) add_op(desc, desc.ops[i], find_kernel);
    const std::vector<std::uint32_t> step_of = find_steps(find_fusion);
    std::vector<std::size_t> sizes;
    for (const sf_value_desc& value : values_) sizes.push_back(value_bytes(value, max_tokens_));
    plan_ = ScratchPlan::make(desc, sizes, step_of);
    scratch_ = AlignedBytes(plan_.total);
  }

  [[nodiscard]] const std::string& name() const { return name_; }

  static std::size_t value_bytes(const sf_value_desc& value, std::uint32_t n_tokens) {
    if (value.kind == SF_VALUE_ACTIVE) return ActiveList::bytes(value.width, n_tokens);
    return std::size_t{value.width} * n_tokens * sizeof(float);
  }

  // Runs all ops, waiting for input ports and signalling output ports on the way. `stop` set: ends
  // with ABORTED. Tells submission.notify of every port and of the end; whatever happens, every
  // output flag is signalled or aborted.
  void run(const sf_submission& submission, const std::atomic<bool>& stop) {
    const Clock::time_point begin = Clock::now();
    waited_ = {};
    sf_error* const error = guard([&] {
      before_ops();
      run_ops(submission, stop);
      after_ops();
    });
    if (error != nullptr) abort_outputs(submission);
    // A stage without ops is a probe's.
    if (!ops_.empty())
      counters_.count_run(submission.batch->n_tokens, in_ns(Clock::now() - begin - waited_),
                          in_ns(waited_));
    if (submission.notify != nullptr)
      submission.notify(submission.context, SF_STAGE_DONE, error);
    else if (error != nullptr)
      host()->error_destroy(error);
  }

 protected:
  // For backends that watch or delay execution; called by run(), on its thread. May throw.
  virtual void before_ops() {}  // of a run
  virtual void after_ops() {}
  virtual void before_op(const OpInfo&) {}
  virtual void before_signal(std::size_t) {}  // the output port

  using Clock = std::chrono::steady_clock;
  // For input ports, in the run under way.
  [[nodiscard]] Clock::duration waited() const { return waited_; }

 private:
  friend class OpCall;

  static std::uint64_t in_ns(Clock::duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
  }

  // What a handle of the ABI stands for: this backend made it, as a Derived.
  template <typename Derived, typename Base, typename Handle>
  static Derived& object(Handle* handle) {
    return static_cast<Derived&>(*reinterpret_cast<Base*>(handle));
  }

  void add_op(const sf_stage_desc& desc, const sf_op& op, FindKernel find_kernel) {
    const OpInfo& info = check_op(desc, op);
    HostOp made{&info,
                {op.inputs, op.inputs + op.n_inputs},
                {op.outputs, op.outputs + op.n_outputs},
                {},
                nullptr,
                nullptr,
                {}};
    for (std::uint32_t i = 0; i < op.n_weights; ++i)
      made.weights.push_back(op.weights[i] == SF_NONE
                                 ? nullptr
                                 : &object<HostWeights, Weights>(desc.weights[op.weights[i]]));
    if (op.neurons != SF_NONE)
      made.neurons = &object<HostNeurons, Neurons>(desc.neurons[op.neurons]);
    if (op.kv != SF_NONE) made.kv = &object<HostKv, Kv>(desc.kv[op.kv]);
    check_operands(desc, op, made);
    const auto* const params = static_cast<const std::byte*>(op.params);
    made.params.assign(params, params + op.params_size);
    kernels_.push_back(info.id == SF_OP_COPY ? nullptr : find_kernel(info));
    ops_.push_back(std::move(made));
  }

  void check_operands(const sf_stage_desc& desc, const sf_op& op, const HostOp& made) const {
    std::vector<sf_tensor_desc> tensors;
    for (const HostWeights* const weights : made.weights)
      tensors.push_back(weights == nullptr ? sf_tensor_desc{} : weights->desc());
    try {
      OpShapes({op, desc.values, tensors.data(),
                made.neurons == nullptr ? nullptr : &made.neurons->desc(),
                made.kv == nullptr ? nullptr : &made.kv->desc()},
               *made.info)
          .check();
    } catch (const Error& error) {
      throw Error(error.code(), name_ + ": " + error.what());
    }
  }

  // Fills steps_; by op, its step.
  std::vector<std::uint32_t> find_steps(FindFusion find_fusion) {
    std::vector<std::uint32_t> step_of;
    for (std::size_t i = 0; i < ops_.size(); i += std::max<std::size_t>(steps_.back().n_ops, 1)) {
      steps_.push_back(find_fusion == nullptr ? Fusion{} : find_fusion(std::span(ops_).subspan(i)));
      step_of.insert(step_of.end(), std::max<std::size_t>(steps_.back().n_ops, 1),
                     static_cast<std::uint32_t>(steps_.size() - 1));
    }
    return step_of;
  }

  void run_ops(const sf_submission& submission, const std::atomic<bool>& stop) {
    check_batch(name_, *submission.batch, max_tokens_);
    for (std::size_t port = 0; port < outputs_.size(); ++port) check_output(submission, port);
    std::size_t i = 0;  // op
    for (const Fusion& step : steps_) {
      if (stop.load(std::memory_order_relaxed)) throw Error(kAborted, name_ + ": aborted");
      if (step.n_ops == 0) {
        run_op(i++, submission, stop);
        continue;
      }
      std::vector<OpCall> calls;
      calls.reserve(step.n_ops);
      for (std::size_t end = i + step.n_ops; i < end; ++i) {
        before_op(*ops_[i].info);
        calls.emplace_back(*this, ops_[i], submission);
        count(ops_[i], calls.back());
      }
      step.kernel(device_, calls);
    }
  }

  void run_op(std::size_t i, const sf_submission& submission, const std::atomic<bool>& stop) {
    before_op(*ops_[i].info);
    if (kernels_[i] == nullptr) return copy(ops_[i], submission, stop);
    const OpCall call(*this, ops_[i], submission);
    kernels_[i](device_, call);
    count(ops_[i], call);
  }

  // What an op reads whatever its kernel does.
  void count(const HostOp& op, const OpCall& call) {
    if (!op.weights.empty() && call.output_rows(0) != 0)
      for (std::size_t i = 0; i < op.weights.size(); ++i) {
        if (op.weights[i] == nullptr) continue;
        const bool looked_up = op.info->id == SF_OP_EMBED;
        counters_.count_weights(op.weights[i]->row_bytes *
                                (looked_up ? call.output_rows(0) : op.weights[i]->rows));
      }
    if (op.info->id == SF_OP_NEURON_FFN)
      counters_.count_neurons(std::uint64_t{resident_neurons(*op.neurons)} * call.batch().n_tokens);
  }

  static std::uint32_t resident_neurons(const HostNeurons& neurons) {
    const std::span<const std::uint32_t> groups = neurons.resident();
    if (groups.empty()) return 0;
    // Only the layer's last group may be short.
    return static_cast<std::uint32_t>(groups.size() - 1) * neurons.desc().group_size +
           neurons.group_neurons(groups.back());
  }

  static std::size_t find_port(const std::vector<std::uint32_t>& ports, std::uint32_t value) {
    for (std::size_t i = 0; i < ports.size(); ++i)
      if (ports[i] == value) return i;
    return SIZE_MAX;
  }

  void copy(const HostOp& op, const sf_submission& submission, const std::atomic<bool>& stop) {
    const sf_value_desc& value = values_[op.inputs[0]];
    const std::size_t in_port = find_port(inputs_, op.inputs[0]);
    const std::size_t out_port = find_port(outputs_, op.outputs[0]);
    const std::size_t bytes = copied_bytes(value, *submission.batch);
    if (in_port != SIZE_MAX) {
      wait(submission.inputs[in_port], in_port, stop);
      check_room(submission.inputs[in_port], "input", in_port, bytes);
    }
    void* const from = address(op.inputs[0], submission);
    void* const to = address(op.outputs[0], submission);
    if (value.kind == SF_VALUE_ACTIVE) {
      if (in_port != SIZE_MAX) check_list(ActiveList(from), value, *submission.batch);
      ActiveList(from).copy_to(to);
    } else if (bytes != 0 && from != to) {
      std::memcpy(to, from, bytes);
    }
    if (out_port != SIZE_MAX) {
      before_signal(out_port);
      signal(submission, out_port);
    }
  }

  void check_room(const sf_port_binding& port, const char* direction, std::size_t index,
                  std::size_t bytes) const {
    if (port.bytes >= bytes) return;
    throw Error(kInvalidArgument, name_ + ": " + direction + " port " + std::to_string(index) +
                                      " has room for " + std::to_string(port.bytes) +
                                      " bytes, want " + std::to_string(bytes));
  }

  // Before any op: values may be made in their ports.
  void check_output(const sf_submission& submission, std::size_t port) const {
    check_room(submission.outputs[port], "output", port,
               copied_bytes(values_[outputs_[port]], *submission.batch));
  }

  // A list from outside: what kernels rely on holds.
  void check_list(const ActiveList& list, const sf_value_desc& value, const sf_batch& batch) const {
    const bool fits = list.capacity() == value.width && list.size() <= list.capacity() &&
                      list.mask_words() == ActiveList::mask_words(batch.n_tokens);
    if (!fits)
      throw Error(kInvalidArgument,
                  name_ + ": active list of " + std::to_string(list.size()) + " of " +
                      std::to_string(list.capacity()) + " neurons and " +
                      std::to_string(list.mask_words()) + " mask words, want capacity " +
                      std::to_string(value.width) + " and " +
                      std::to_string(ActiveList::mask_words(batch.n_tokens)) + " mask words");
    for (std::uint32_t i = 0; i < list.size(); ++i)
      if (list.id(i) >= value.width || (i > 0 && list.id(i) <= list.id(i - 1)))
        throw Error(kInvalidArgument, name_ + ": active list: entry " + std::to_string(i) +
                                          " is neuron " + std::to_string(list.id(i)) +
                                          ", want rising ids less than " +
                                          std::to_string(value.width));
  }

  static std::size_t copied_bytes(const sf_value_desc& value, const sf_batch& batch) {
    return value_bytes(value, value.kind == SF_VALUE_WANTED_ROWS ? batch.n_wanted : batch.n_tokens);
  }

  void wait(const sf_port_binding& port, std::size_t index, const std::atomic<bool>& stop) {
    if (port.flag == nullptr) return;
    const Clock::time_point begin = Clock::now();
    wait_for_flag(port, index, stop);
    waited_ += Clock::now() - begin;
  }

  void wait_for_flag(const sf_port_binding& port, std::size_t index,
                     const std::atomic<bool>& stop) const {
    const std::atomic_ref<std::uint64_t> flag(*port.flag);
    for (std::uint32_t spins = 0;; ++spins) {
      const std::uint64_t now = flag.load(std::memory_order_acquire);
      if (now == SF_EVENT_ABORTED || stop.load(std::memory_order_relaxed))
        throw Error(kAborted, name_ + ": input port " + std::to_string(index) + ": aborted");
      if (now >= port.value) return;
      if (spins > 4096)  // a long wait: leave the core to whoever will signal
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      else if (spins > 64)
        std::this_thread::yield();
    }
  }

  static void signal(const sf_submission& submission, std::size_t port) {
    const sf_port_binding& binding = submission.outputs[port];
    if (binding.flag != nullptr)
      std::atomic_ref<std::uint64_t>(*binding.flag).store(binding.value, std::memory_order_release);
    if (submission.notify != nullptr)
      submission.notify(submission.context, static_cast<std::uint32_t>(port), nullptr);
  }

  void abort_outputs(const sf_submission& submission) const {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (submission.outputs[i].flag == nullptr) continue;
      const std::atomic_ref<std::uint64_t> flag(*submission.outputs[i].flag);
      // The host may be giving the same event up, or already count it as signalled.
      std::uint64_t now = flag.load(std::memory_order_acquire);
      while (now < submission.outputs[i].value &&
             !flag.compare_exchange_weak(now, SF_EVENT_ABORTED, std::memory_order_acq_rel,
                                         std::memory_order_acquire)) {
      }
    }
  }

  [[nodiscard]] void* address(std::uint32_t value, const sf_submission& submission) const {
    if (plan_.offsets[value] != ScratchPlan::kPort) return scratch_.data() + plan_.offsets[value];
    const std::uint32_t home = plan_.homes[value];
    if (const std::size_t port = find_port(inputs_, home); port != SIZE_MAX)
      return submission.inputs[port].address;
    return submission.outputs[find_port(outputs_, home)].address;
  }

  std::string name_;
  std::uint32_t max_tokens_;
  std::vector<sf_value_desc> values_;
  std::vector<std::uint32_t> inputs_;   // values that are input ports
  std::vector<std::uint32_t> outputs_;  // values that are output ports
  void* device_;                        // handed to kernels
  std::vector<HostOp> ops_;
  std::vector<Kernel> kernels_;  // by op; null for copy
  std::vector<Fusion> steps_;    // in order; n_ops 0: one op on its own
  ScratchPlan plan_;
  AlignedBytes scratch_;
  DeviceCounters& counters_;     // the device's
  Clock::duration waited_ = {};  // for input ports, in the run under way
};

inline const float* OpCall::input(std::size_t i) const {
  if (!has_input(i)) return nullptr;
  return static_cast<const float*>(stage_.address(op_.inputs[i], submission_));
}
inline float* OpCall::output(std::size_t i) const {
  return static_cast<float*>(stage_.address(op_.outputs[i], submission_));
}
inline ActiveList OpCall::active_input(std::size_t i) const {
  return ActiveList(stage_.address(op_.inputs[i], submission_));
}
inline ActiveList OpCall::active_output(std::size_t i) const {
  return ActiveList(stage_.address(op_.outputs[i], submission_));
}
inline std::uint32_t OpCall::input_width(std::size_t i) const {
  return stage_.values_[op_.inputs[i]].width;
}
inline std::uint32_t OpCall::output_width(std::size_t i) const {
  return stage_.values_[op_.outputs[i]].width;
}
inline std::uint32_t OpCall::input_rows(std::size_t i) const {
  return stage_.values_[op_.inputs[i]].kind == SF_VALUE_WANTED_ROWS ? batch().n_wanted
                                                                    : batch().n_tokens;
}
inline std::uint32_t OpCall::output_rows(std::size_t i) const {
  return stage_.values_[op_.outputs[i]].kind == SF_VALUE_WANTED_ROWS ? batch().n_wanted
                                                                     : batch().n_tokens;
}

inline void OpCall::count_rows(NeuronPart part, std::uint64_t rows, std::size_t member) const {
  stage_.counters_.member(member).count_rows(op_.neurons->desc(), part, rows);
}
inline void OpCall::count_active(std::uint64_t neurons_of_tokens, std::size_t member) const {
  stage_.counters_.member(member).active += neurons_of_tokens;
}

}  // namespace synfire::sdk
