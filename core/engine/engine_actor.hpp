#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/actor/actor.hpp"
#include "core/engine/batcher.hpp"
#include "core/engine/device_actor.hpp"
#include "core/engine/engine_counters.hpp"
#include "core/engine/layer_scheduler.hpp"
#include "core/engine/session.hpp"

namespace synfire {

struct NewSession {
  std::unique_ptr<Session> session;
};
// To itself: whatever was sent before it has been read.
struct CaughtUp {};
using EngineMessage = std::variant<NewSession, StepDone, CaughtUp>;

struct CancelRequest {
  RequestId id = 0;
  friend bool operator==(const CancelRequest&, const CancelRequest&) = default;
};
struct DeviceUp {
  DeviceId device = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const DeviceUp&, const DeviceUp&) = default;
};
struct StepDeadline {
  std::uint64_t step = 0;
  bool last = false;  // the step was given up before; devices that are still silent are lost
  friend bool operator==(const StepDeadline&, const StepDeadline&) = default;
};
using EngineControl = std::variant<CancelRequest, DeviceUp, DeviceDown, StepDeadline>;
using EngineRef = ActorRef<EngineMessage, EngineControl>;

// What the engine's actor needs of the world.
struct EngineActorConfig {
  Duration step_timeout;
  std::function<DeviceRef(DeviceId)> device_ref;         // of the generation that is up
  std::function<void(DeviceId, const Status&)> give_up;  // on a device that did not answer in time
  std::function<void()> on_change;  // requests ended, devices came or went; any waiter looks again
  std::shared_ptr<EngineCounters> counters;
  std::shared_ptr<const void> assets;  // what the scheduler's plan is part of
};

// Where requests, steps and devices meet: the batcher says what comes next, the layer scheduler
// sends it, sessions take the logits. One step at a time, of many sessions; one that fails ends all
// of its sessions. Every session that came in ends exactly once.
class EngineActor final : public Actor<EngineMessage, EngineControl> {
 public:
  EngineActor(EngineActorConfig config, LayerScheduler scheduler, Batcher batcher);
  ~EngineActor() override;  // ends the sessions that are left with CANCELLED

  void receive(EngineMessage&& message) override;
  void receive_control(EngineControl&& control) override;

 private:
  bool cancel(RequestId id);  // false: there is no such session
  void catch_up();
  void begin_step();
  [[nodiscard]] bool in_step(RequestId id) const;
  void end_step(const Status& status);
  void deliver(const Batcher::Part& part, std::uint32_t first_row, std::uint32_t first_token);
  bool end_session(RequestId id, const Status& status);  // likewise
  void end_all(const Status& status);
  void finish(std::unique_ptr<Session> session, const Status& status, TimePoint when);
  void on_device_down(const DeviceDown& down);
  void on_deadline(const StepDeadline& deadline);
  void arm_deadline(const StepDeadline& deadline, Duration within);

  EngineActorConfig config_;
  LayerScheduler scheduler_;
  Batcher batcher_;
  TimerHandle deadline_;
  TimePoint last_now_{};  // for the destructor, which has no clock

  // Control overtakes messages: cancelled requests whose NewSession may still be in the mailbox,
  // ahead of the CaughtUp that is under way, and those that came after it was sent.
  std::vector<RequestId> early_cancels_, later_cancels_;

  // The step under way.
  std::vector<Batcher::Part> parts_;  // empty: none is
  std::vector<RequestId> cancelled_;  // of its sessions, meanwhile: they end with the step
  Status lost_;                       // a device died meanwhile: all sessions end with the step
  TimePoint begun_at_{};
  std::uint64_t busiest_ns_ = 0;
};

}  // namespace synfire
