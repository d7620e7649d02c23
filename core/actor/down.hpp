#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/base/status.hpp"

namespace synfire {

enum class DownReason {
  stopped,           // ended as asked: stop(), drain(), or its handle went away
  failed,            // an exception escaped, or the actor called stop() with an error
  killed,            // declared dead from outside, for example by a deadline
  executor_stopped,  // its executor will never give it another turn
};

[[nodiscard]] std::string_view to_string(DownReason reason);

// The end of an actor.
struct Down {
  std::string actor;  // its name
  DownReason reason = DownReason::stopped;
  Status status;  // ok only with `stopped`
};

// Called exactly once per actor, by whichever thread ended it, with no lock held. Must not throw
// and must not block: it sends a message or posts a task.
using DownListener = std::function<void(const Down&)>;

}  // namespace synfire
