#include "core/engine/device_host.hpp"

#include <utility>

namespace synfire {
namespace {

// A device has one step at a time; one more may wait.
constexpr std::size_t kMailbox = 2;
// Patience with the thread of a generation that died.
constexpr Duration kOldThread = std::chrono::seconds(2);
// Patience with the last one, at the end.
constexpr Duration kLastThread = std::chrono::seconds(5);

}  // namespace

DeviceHost::DeviceHost(DeviceActorConfig config, Duration spin)
    : config_(std::move(config)), spin_(spin) {}

Status DeviceHost::start(std::function<void(std::uint32_t)> on_ready,
                         std::function<void(StepDone)> on_done, DownListener on_down) {
  ThreadExecutorOptions options;
  options.name = config_.name;
  options.spin = spin_;
  SYNFIRE_ASSIGN_OR_RETURN(const std::shared_ptr<ThreadExecutor> thread,
                           ThreadExecutor::start(options));
  const std::lock_guard lock(mutex_);
  // While the old thread may still write to what the devices share, there can be no new one.
  if (current_.thread && !current_.thread->stop_and_join(kOldThread))
    return error(StatusCode::unavailable, "{}: its old thread hangs in the plugin", config_.name);
  DeviceActorConfig config = config_;
  config.generation = current_.number + 1;
  config.on_done = std::move(on_done);
  config.on_ready = [weak = weak_from_this(), number = config.generation,
                     tell = std::move(on_ready)](const host::Aborter& aborter) {
    const auto self = weak.lock();
    if (!self) return;
    {
      const std::lock_guard inner(self->mutex_);
      if (self->current_.number == number) self->current_.aborter = aborter;
    }
    tell(number);
  };
  ActorOptions actor_options;
  actor_options.name = config_.name;
  actor_options.mailbox_capacity = kMailbox;
  actor_options.on_down = std::move(on_down);
  current_ = {
      config.generation, thread,
      spawn(thread, std::make_unique<DeviceActor>(std::move(config)), std::move(actor_options)),
      std::nullopt};
  return {};
}

DeviceRef DeviceHost::ref() const {
  const std::lock_guard lock(mutex_);
  return current_.actor.ref();
}

void DeviceHost::give_up(const Status& why) {
  std::unique_lock lock(mutex_);
  const std::optional<host::Aborter> aborter = current_.aborter;
  const DeviceRef ref = current_.actor.ref();
  lock.unlock();
  if (aborter) aborter->abort();
  lock.lock();
  if (current_.actor.ref() == ref) current_.actor.kill(why);
}

void DeviceHost::stop() {
  std::unique_lock lock(mutex_);
  Generation last = std::move(current_);
  current_ = {last.number, nullptr, {}, std::nullopt};
  lock.unlock();
  if (last.aborter) last.aborter->abort();
  last.actor.reset();
  // Not left to the destructor: a turn under way holds the executor too, and would be the last to
  // let go of it, on a thread that cannot join itself.
  if (last.thread) static_cast<void>(last.thread->stop_and_join(kLastThread));
}

}  // namespace synfire
