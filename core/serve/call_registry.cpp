#include "core/serve/call_registry.hpp"

#include "core/serve/generate_call.hpp"

namespace synfire {

bool CallRegistry::enter(GenerateCall& call) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  calls_.insert(&call);
  return true;
}

void CallRegistry::leave(GenerateCall& call) {
  const std::lock_guard lock(mutex_);
  calls_.erase(&call);
  // Under the lock: who waits may destroy this object as soon as the lock is free.
  if (calls_.empty()) empty_.notify_all();
}

void CallRegistry::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

bool CallRegistry::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void CallRegistry::cancel_all() {
  // Shared ownership, so that no call goes away between here and its cancel(), and no lock is held
  // while the engine is called.
  std::vector<std::shared_ptr<GenerateCall>> open;
  {
    const std::lock_guard lock(mutex_);
    for (GenerateCall* call : calls_) open.push_back(call->shared_from_this());
  }
  for (const auto& call : open) call->cancel();
}

bool CallRegistry::wait_until_empty(Duration limit) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, limit, [this] { return calls_.empty(); });
}

}  // namespace synfire
