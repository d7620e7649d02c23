#include "core/engine/engine_actor.hpp"

#include <algorithm>
#include <utility>

namespace synfire {
namespace {

// What devices get to answer in once their step was given up.
constexpr Duration kGrace = std::chrono::milliseconds(500);

Status cancelled() { return error(StatusCode::cancelled, "cancelled"); }
Status shut_down() { return error(StatusCode::cancelled, "the engine was shut down"); }

}  // namespace

EngineActor::EngineActor(EngineActorConfig config, LayerScheduler scheduler, Batcher batcher)
    : config_(std::move(config)), scheduler_(std::move(scheduler)), batcher_(std::move(batcher)) {}

EngineActor::~EngineActor() {
  for (std::unique_ptr<Session>& session : batcher_.remove_all())
    finish(std::move(session), shut_down(), last_now_);
}

void EngineActor::receive(EngineMessage&& message) {
  if (auto* const added = std::get_if<NewSession>(&message)) {
    if (scheduler_.all_up())
      batcher_.add(std::move(added->session));
    else
      finish(std::move(added->session), error(StatusCode::unavailable, "a device is lost"), now());
  } else if (std::holds_alternative<CaughtUp>(message)) {
    for (const RequestId id : std::exchange(early_cancels_, {})) cancel(id);
  } else {
    const StepDone& done = std::get<StepDone>(message);
    busiest_ns_ = std::max(busiest_ns_, done.busy_ns);
    if (const auto outcome = scheduler_.on_done(done)) end_step(*outcome);
  }
  catch_up();
  begin_step();
}

void EngineActor::receive_control(EngineControl&& control) {
  if (const auto* const request = std::get_if<CancelRequest>(&control)) {
    if (!cancel(request->id)) later_cancels_.push_back(request->id);
    catch_up();
  } else if (const auto* const up = std::get_if<DeviceUp>(&control)) {
    scheduler_.device_up(up->device, config_.device_ref(up->device), up->generation);
    config_.on_change();
  } else if (const auto* const down = std::get_if<DeviceDown>(&control)) {
    on_device_down(*down);
  } else {
    on_deadline(std::get<StepDeadline>(control));
  }
  begin_step();
}

bool EngineActor::in_step(RequestId id) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [id](const Batcher::Part& part) { return part.session->id() == id; });
}

bool EngineActor::cancel(RequestId id) {
  if (!in_step(id)) return end_session(id, cancelled());
  cancelled_.push_back(id);
  return true;
}

void EngineActor::catch_up() {
  if (!early_cancels_.empty() || later_cancels_.empty()) return;
  if (self().try_send(EngineMessage(CaughtUp{})) == SendResult::ok)
    early_cancels_.swap(later_cancels_);
}

void EngineActor::begin_step() {
  last_now_ = now();
  if (scheduler_.busy() || !scheduler_.all_up()) return;
  while (true) {
    Batcher::Step step = batcher_.next(last_now_);
    config_.counters->running = batcher_.n_running();
    if (step.parts.empty()) return;
    const RequestId about = step.parts.size() == 1 ? step.parts.front().session->id() : 0;
    const Result<std::uint64_t> begun = scheduler_.begin(about, step.batch);
    if (!begun.ok()) {
      for (const Batcher::Part& part : step.parts) end_session(part.session->id(), begun.status());
      continue;
    }
    parts_ = std::move(step.parts);
    begun_at_ = last_now_;
    busiest_ns_ = 0;
    arm_deadline({*begun, false}, config_.step_timeout);
    return;
  }
}

void EngineActor::end_step(const Status& status) {
  deadline_.cancel();
  const std::vector<Batcher::Part> parts = std::exchange(parts_, {});
  const std::vector<RequestId> cancels = std::exchange(cancelled_, {});
  EngineCounters& counters = *config_.counters;
  ++counters.steps;
  counters.step_ns += static_cast<std::uint64_t>(Duration(now() - begun_at_).count());
  counters.busiest_ns += busiest_ns_;
  counters.forks = scheduler_.forks();
  counters.joins = scheduler_.joins();
  std::uint32_t row = 0;    // of the step's logits
  std::uint32_t token = 0;  // of the step
  for (const Batcher::Part& part : parts) {
    const RequestId id = part.session->id();
    if (std::find(cancels.begin(), cancels.end(), id) != cancels.end())
      end_session(id, cancelled());
    else if (!status.ok())
      end_session(id, status);
    else
      deliver(part, row, token);
    row += part.n_wanted;
    token += part.n_tokens;
  }
  if (!lost_.ok()) end_all(std::exchange(lost_, {}));
}

void EngineActor::deliver(const Batcher::Part& part, std::uint32_t first_row,
                          std::uint32_t first_token) {
  Session& session = *part.session;
  EngineCounters& counters = *config_.counters;
  const std::uint32_t prompt_left =
      session.n_prompt() - std::min(session.n_prompt(), session.computed());
  counters.prompt_tokens += std::min(part.n_tokens, prompt_left);
  const std::uint32_t n_before = session.n_tokens();
  session.advance(part.n_tokens);
  if (scheduler_.n_taps() > 0) session.on_taps(scheduler_.taps(first_token, part.n_tokens));
  bool ended = false;
  for (std::uint32_t row = first_row; row < first_row + part.n_wanted && !ended; ++row)
    ended = session.on_logits(scheduler_.logits(row), now());
  counters.generated_tokens += session.n_tokens() - n_before;
  if (ended) end_session(session.id(), {});
}

void EngineActor::on_device_down(const DeviceDown& down) {
  // What the device kept of the sequences is gone with it, also of those that are not in the step
  // under way.
  lost_ = error(StatusCode::unavailable, "a device was lost: {}", down.status.message());
  if (const auto outcome = scheduler_.on_down(down)) end_step(*outcome);
  if (parts_.empty() && !lost_.ok()) end_all(std::exchange(lost_, {}));
  config_.on_change();
}

// In two acts: first the step is given up, so that devices which only wait for another one answer;
// then those that are still silent are lost.
void EngineActor::on_deadline(const StepDeadline& deadline) {
  if (!deadline.last) {
    if (scheduler_.give_up_step(deadline.step, config_.step_timeout))
      arm_deadline({deadline.step, true}, kGrace);
    return;
  }
  const std::vector<DeviceId> silent = scheduler_.unanswered();
  const auto outcome = scheduler_.on_deadline(deadline.step);
  if (!outcome) return;
  for (const DeviceId device : silent) {
    config_.give_up(device, *outcome);
    on_device_down({device, *outcome});
  }
  end_step(*outcome);
}

void EngineActor::arm_deadline(const StepDeadline& deadline, Duration within) {
  deadline_ =
      executor().run_at(now() + within, [ref = self(), deadline] { ref.send_control(deadline); });
}

bool EngineActor::end_session(RequestId id, const Status& status) {
  std::unique_ptr<Session> session = batcher_.remove(id);
  if (session == nullptr) return false;
  finish(std::move(session), status, now());
  return true;
}

void EngineActor::end_all(const Status& status) {
  for (std::unique_ptr<Session>& session : batcher_.remove_all())
    finish(std::move(session), status, now());
}

void EngineActor::finish(std::unique_ptr<Session> session, const Status& status, TimePoint when) {
  EngineCounters& counters = *config_.counters;
  if (status.ok())
    ++counters.finished;
  else
    ++(status.code() == StatusCode::cancelled ? counters.cancelled : counters.failed);
  counters.running = batcher_.n_running();
  session->finish(status, when);
  session.reset();
  --counters.active;
  config_.on_change();
}

}  // namespace synfire
