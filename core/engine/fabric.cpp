#include "core/engine/fabric.hpp"

#include <atomic>
#include <utility>

#include "plugins/sdk/active_list.hpp"

namespace synfire {
namespace {

constexpr std::uint64_t kLine = 64;  // events on cache lines of their own

std::uint64_t round_up(std::uint64_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

std::uint64_t channel_bytes(const sf_value_desc& value, std::uint32_t max_tokens) {
  if (value.kind == SF_VALUE_ACTIVE) return sdk::ActiveList::bytes(value.width, max_tokens);
  return std::uint64_t{value.width} * max_tokens * sizeof(float);
}

}  // namespace

std::uint64_t Fabric::bytes(const ExecutionPlan& plan, std::uint32_t max_tokens) {
  std::uint64_t bytes = plan.channels.size() * kLine;
  for (const Channel& channel : plan.channels)
    bytes += round_up(channel_bytes(channel.value, max_tokens));
  return bytes;
}

Result<Fabric> Fabric::make(const ExecutionPlan& plan, std::uint32_t max_tokens) {
  Fabric fabric;
  std::uint64_t offset = plan.channels.size() * kLine;
  for (const Channel& channel : plan.channels) {
    const std::uint64_t bytes = round_up(channel_bytes(channel.value, max_tokens));
    fabric.slots_.push_back({fabric.slots_.size() * kLine, offset, bytes, {}});
    offset += bytes;
  }
  SYNFIRE_ASSIGN_OR_RETURN(fabric.region_, HostRegion::allocate(offset));
  return fabric;
}

PortMessage Fabric::port(std::uint32_t channel, std::uint64_t step) const {
  const Slot& slot = slots_[channel];
  return {{0, MemoryKind::host, slot.buffer_offset, slot.bytes}, {channel, step}};
}

bool Fabric::valid(const PortMessage& port) const {
  const BufferRef& b = port.buffer;
  return b.region == 0 && b.kind == MemoryKind::host && b.offset <= region_.bytes() &&
         b.length <= region_.bytes() - b.offset && port.event.slot < slots_.size();
}

std::uint64_t* Fabric::flag(const EventRef& event) const {
  return reinterpret_cast<std::uint64_t*>(region_.data() + slots_[event.slot].flag_offset);
}

Fabric::EventState Fabric::state(const EventRef& event) const {
  const std::uint64_t now = std::atomic_ref(*flag(event)).load(std::memory_order_acquire);
  if (now == SF_EVENT_ABORTED) return EventState::aborted;
  return now >= event.value ? EventState::signalled : EventState::pending;
}

void Fabric::add_waker(std::uint32_t slot, std::function<void()> wake) {
  slots_[slot].wakers.push_back(std::move(wake));
}

void Fabric::wake(std::uint32_t slot) const {
  for (const auto& waker : slots_[slot].wakers) waker();
}

void Fabric::abort(const EventRef& event) const {
  const std::atomic_ref counter(*flag(event));
  std::uint64_t now = counter.load(std::memory_order_acquire);
  while (now < event.value && !counter.compare_exchange_weak(now, SF_EVENT_ABORTED)) {
  }
  wake(event.slot);
}

void Fabric::abort_all(std::uint64_t step) const {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) abort({slot, step});
}

void Fabric::forget_aborts(std::uint64_t step) const {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
    std::atomic_ref(*flag({slot, step})).store(step, std::memory_order_release);
}

}  // namespace synfire
