#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <unordered_set>

#include "core/base/clock.hpp"

namespace synfire {

class GenerateCall;

// The Generate calls that a server has open: what draining waits for and may cancel. Thread-safe.
class CallRegistry {
 public:
  // False once closed; the call is not taken then.
  [[nodiscard]] bool enter(GenerateCall& call);
  // The last thing that a call does.
  void leave(GenerateCall& call);

  // Takes no more calls.
  void close();
  [[nodiscard]] bool closed() const;
  void cancel_all();
  // True when no call is open, false after `limit`.
  [[nodiscard]] bool wait_until_empty(Duration limit);

 private:
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::unordered_set<GenerateCall*> calls_;
  bool closed_ = false;
};

}  // namespace synfire
