#include "core/engine/device_actor.hpp"

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "plugins/host/host_table.hpp"

namespace synfire {
namespace {

// How long a blocked step sleeps at most before it looks again: a device may signal without a word.
constexpr Duration kLookAgain = std::chrono::milliseconds(20);

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

// A RunStep under way. Plugins' threads reach it through notify(); its address stays until every
// submission is done.
struct DeviceActor::Step {
  struct Run {
    Step* step;
    std::vector<sf_port_binding> inputs, outputs;
    std::vector<std::uint32_t> output_slots;  // events, for waking who waits
    sf_submission submission;
    bool ended = false;  // by atomic_ref: a plugin says so once, from whatever thread
  };

  RunStep message;
  sf_batch batch;
  std::vector<Run> runs;
  std::size_t submitted = 0;
  std::uint64_t busy_ns = 0, wait_ns = 0;
  std::optional<TimePoint> blocked_since;
  TimePoint submitted_at;  // when the last submission came back

  std::thread::id owner;
  DeviceRef actor;
  std::shared_ptr<const Fabric> fabric;
  std::shared_ptr<ComputeTime> compute_time;
  std::string device;
  std::atomic<std::size_t> completed = 0;
  std::mutex mutex;
  Status error;  // the first

  Status first_error() {
    const std::lock_guard lock(mutex);
    return error;
  }
  void record(Status status) {
    const std::lock_guard lock(mutex);
    if (error.ok()) error = std::move(status);
  }
  [[nodiscard]] bool quiet() const {
    return completed.load(std::memory_order_acquire) == submitted;
  }
};

DeviceActor::DeviceActor(DeviceActorConfig config) : config_(std::move(config)) {}

DeviceActor::~DeviceActor() {
  if (!step_ || step_->quiet()) return;
  // Stages may not be released while they run. A plugin that does not come back keeps this thread,
  // and what it touches.
  device_->device().abort();
  while (!step_->quiet()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void DeviceActor::on_start() {
  if (Status status = open(); !status.ok()) stop(status.with_context(config_.name));
}

Status DeviceActor::open() {
  SYNFIRE_ASSIGN_OR_RETURN(batch_, BatchMemory::make(config_.limits));
  SYNFIRE_ASSIGN_OR_RETURN(device_, config_.open());
  host::Device& device = device_->device();
  const HostRegion& shared = config_.fabric->region();
  SYNFIRE_ASSIGN_OR_RETURN(fabric_registration_,
                           device.register_host_memory(shared.data(), shared.bytes()));
  SYNFIRE_ASSIGN_OR_RETURN(
      batch_registration_,
      device.register_host_memory(batch_.region().data(), batch_.region().bytes()));
  config_.on_ready(device.aborter());
  return {};
}

void DeviceActor::receive(RunStep&& message) {
  if (message.header.epoch != config_.epoch)
    return;  // of a placement that is gone: nobody waits for the answer
  step_ = std::make_unique<Step>();
  step_->message = std::move(message);
  step_->owner = std::this_thread::get_id();
  step_->actor = self();
  step_->fabric = config_.fabric;
  step_->compute_time = config_.compute_time;
  step_->device = config_.name;
  if (Status status = check(step_->message); !status.ok()) {
    step_->record(status.with_context(config_.name));
    advance();
    return;
  }
  step_->batch = batch_.fill(step_->message.batch);
  for (const StageRun& run : step_->message.runs) {
    Step::Run made{step_.get(), {}, {}, {}, {}};
    const auto bind = [&](const PortMessage& port) {
      return sf_port_binding{config_.fabric->address(port.buffer), port.buffer.length,
                             config_.fabric->flag(port.event), port.event.value};
    };
    for (const PortMessage& port : run.inputs) made.inputs.push_back(bind(port));
    for (const PortMessage& port : run.outputs) {
      made.outputs.push_back(bind(port));
      made.output_slots.push_back(port.event.slot);
    }
    step_->runs.push_back(std::move(made));
  }
  advance();
}

Status DeviceActor::check(const RunStep& step) const {
  SYNFIRE_RETURN_IF_ERROR(batch_.check(step.batch));
  for (const StageRun& run : step.runs) {
    if (run.stage.slot >= device_->n_stages() || run.stage.generation != config_.generation ||
        run.stage.epoch != config_.epoch)
      return invalid_argument(
          "stage {} of epoch {}, generation {}: there is none; want one of {} of epoch {}, "
          "generation {}",
          run.stage.slot, run.stage.epoch, run.stage.generation, device_->n_stages(), config_.epoch,
          config_.generation);
    const auto [inputs, outputs] = device_->ports(run.stage.slot);
    if (run.inputs.size() != inputs || run.outputs.size() != outputs)
      return invalid_argument("stage {}: {} inputs and {} outputs, want {} and {}", run.stage.slot,
                              run.inputs.size(), run.outputs.size(), inputs, outputs);
    for (const auto* ports : {&run.inputs, &run.outputs})
      for (const PortMessage& port : *ports)
        if (!config_.fabric->valid(port))
          return invalid_argument("stage {}: a port lies outside the shared memory",
                                  run.stage.slot);
  }
  return {};
}

std::optional<Wait> DeviceActor::poll() {
  if (!step_) return std::nullopt;
  return advance();
}

void DeviceActor::receive_control(DeviceControl&& control) {
  const auto end_step = [&](Status status) {
    if (!step_) return;
    step_->record(std::move(status));
    if (!step_->quiet()) {
      device_->device().abort();
      // An aborted device can only be closed: the supervisor opens another one.
      stop(error(StatusCode::aborted, "{}: aborted in the middle of a step", config_.name));
    }
    advance();
  };
  std::visit(Overloaded{
                 [&](const CancelStep& cancel) {
                   if (step_ && cancel.header == step_->message.header)
                     end_step(error(StatusCode::cancelled, "{}: step {} cancelled", config_.name,
                                    cancel.header.step));
                 },
                 [&](const StopDevice&) {
                   end_step(error(StatusCode::cancelled, "{}: told to stop", config_.name));
                   stop();
                 },
             },
             control);
}

std::optional<Wait> DeviceActor::advance() {
  const std::size_t n_runs = step_->runs.size();
  while (true) {
    const bool failed = !step_->first_error().ok();
    if (failed) abort_rest();
    if (step_->quiet() && (failed || step_->submitted == n_runs)) {
      finish();
      return std::nullopt;
    }
    if (failed || step_->submitted == n_runs) return wait();
    const Fabric::EventState state = inputs_state(step_->message.runs[step_->submitted]);
    if (state == Fabric::EventState::aborted) {
      step_->record(error(StatusCode::aborted, "{}: step {}: what it waits for was given up",
                          config_.name, step_->message.header.step));
      continue;
    }
    if (state == Fabric::EventState::pending && !config_.waits_itself) {
      if (!step_->blocked_since) step_->blocked_since = now();
      return wait();
    }
    submit_next();
  }
}

// Polling begins anew after each stage: what the next one needs may be only microseconds away.
Wait DeviceActor::wait() const { return {now() + kLookAgain, true, step_->submitted_at}; }

Fabric::EventState DeviceActor::inputs_state(const StageRun& run) const {
  Fabric::EventState worst = Fabric::EventState::signalled;
  for (const PortMessage& port : run.inputs) {
    const Fabric::EventState state = config_.fabric->state(port.event);
    if (state == Fabric::EventState::aborted) return state;
    if (state == Fabric::EventState::pending) worst = state;
  }
  return worst;
}

void DeviceActor::submit_next() {
  const TimePoint begin = now();
  if (step_->blocked_since)
    step_->wait_ns += static_cast<std::uint64_t>((begin - *step_->blocked_since).count());
  step_->blocked_since.reset();
  Step::Run& run = step_->runs[step_->submitted];
  const std::uint32_t stage = step_->message.runs[step_->submitted].stage.slot;
  run.submission = {
      sizeof(sf_submission), 0,   &step_->batch, run.inputs.data(), run.outputs.data(),
      &DeviceActor::notify,  &run};
  ++step_->submitted;
  config_.compute_time->begin();
  if (Status status = device_->submit(stage, run.submission); !status.ok()) {
    --step_->submitted;  // refused: nothing runs, nobody will call
    config_.compute_time->end();
    step_->record(status.with_context(config_.name));
  }
  step_->submitted_at = now();
  step_->busy_ns += static_cast<std::uint64_t>((step_->submitted_at - begin).count());
}

// From any thread of the plugin.
void DeviceActor::notify(void* context, std::uint32_t what, sf_error* error) {
  Step::Run& run = *static_cast<Step::Run*>(context);
  Step& step = *run.step;
  Status status = host::take_error(error, step.device);
  if (what != SF_STAGE_DONE) {
    if (status.ok() && what >= run.output_slots.size())
      status = synfire::error(StatusCode::internal, "{}: the plugin signals output port {} of {}",
                              step.device, what, run.output_slots.size());
    if (!status.ok()) return step.record(std::move(status));
    return step.fabric->wake(run.output_slots[what]);
  }
  if (std::atomic_ref(run.ended).exchange(true)) return;  // said twice
  step.compute_time->end();
  if (!status.ok()) {
    step.record(std::move(status));
    for (const std::uint32_t slot : run.output_slots) step.fabric->wake(slot);
  }
  // After the last fetch_add the actor may destroy the step.
  const DeviceRef actor = step.owner == std::this_thread::get_id() ? DeviceRef() : step.actor;
  step.completed.fetch_add(1, std::memory_order_release);
  actor.wake();
}

// Ends the wait of everybody for what will not be computed.
void DeviceActor::abort_rest() const {
  for (std::size_t i = step_->submitted; i < step_->message.runs.size(); ++i)
    for (const PortMessage& port : step_->message.runs[i].outputs)
      if (config_.fabric->valid(port)) config_.fabric->abort(port.event);
}

void DeviceActor::finish() {
  Status status = step_->first_error();
  const std::unique_ptr<Step> step = std::move(step_);
  config_.on_done({step->message.header, config_.id, std::move(status), step->busy_ns,
                   step->wait_ns, counts()});
}

DeviceCounts DeviceActor::counts() {
  if (!device_ || !counts_) return {};
  const Result<sf_counters> made = device_->device().counters();
  counts_ = made.ok();  // who does not count is not asked again
  if (!counts_) return {};
  return {made->stages,       made->tokens,       made->busy_ns,  made->wait_ns,
          made->weight_bytes, made->neuron_bytes, made->neurons,  made->active,
          made->gate_rows,    made->up_rows,      made->down_rows};
}

}  // namespace synfire
