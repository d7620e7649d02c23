#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/messages.hpp"
#include "core/runtime/stage_plan.hpp"
#include "core/tensor/host_region.hpp"

namespace synfire {

// The memory and the events that carry values between the devices of one process: what BufferRef
// and EventRef stand for here. Each channel of a plan has one buffer and one event; the event's
// value is the number of the step that wrote it.
//
// set_waker() before the first step; everything else from any thread.
class Fabric {
 public:
  enum class EventState { pending, signalled, aborted };

  // What make() would allocate.
  [[nodiscard]] static std::uint64_t bytes(const ExecutionPlan& plan, std::uint32_t max_tokens);
  // Room for every channel, `max_tokens` per step.
  static Result<Fabric> make(const ExecutionPlan& plan, std::uint32_t max_tokens);

  [[nodiscard]] PortMessage port(std::uint32_t channel, std::uint64_t step) const;

  // Whether the ref lies within what there is: messages may come from outside.
  [[nodiscard]] bool valid(const PortMessage& port) const;
  [[nodiscard]] void* address(const BufferRef& buffer) const {
    return region_.data() + buffer.offset;
  }
  [[nodiscard]] std::uint64_t* flag(const EventRef& event) const;
  [[nodiscard]] EventState state(const EventRef& event) const;

  // Who is to be asked again when an event of this slot is signalled or aborted.
  void add_waker(std::uint32_t slot, std::function<void()> wake);
  void wake(std::uint32_t slot) const;

  // Ends the wait for an event that nobody will signal any more.
  void abort(const EventRef& event) const;
  void abort_all(std::uint64_t step) const;
  // After a failed step, when no device waits any more: aborted events count as signalled for that
  // step.
  void forget_aborts(std::uint64_t step) const;

  // The memory of buffers and events, for registration with devices.
  [[nodiscard]] const HostRegion& region() const { return region_; }

 private:
  struct Slot {
    std::uint64_t flag_offset, buffer_offset, bytes;
    std::vector<std::function<void()>> wakers;
  };

  HostRegion region_;
  std::vector<Slot> slots_;  // by channel
};

}  // namespace synfire
