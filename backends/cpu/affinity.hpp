#pragma once

#include <sched.h>

namespace synfire::cpu {

// Keeps the calling thread on one logical processor. A refusal by the system is ignored: pinning
// makes things faster, never right.
void pin_this_thread(unsigned core);

// Pins the calling thread while it lives, then lets it run where it could before. Destruct on the
// same thread; on another one it leaves both alone.
class PinnedHere {
 public:
  explicit PinnedHere(unsigned core);
  ~PinnedHere();
  PinnedHere(const PinnedHere&) = delete;
  PinnedHere& operator=(const PinnedHere&) = delete;

 private:
  int thread_;  // the kernel's number
  bool known_;  // before_ was read
  cpu_set_t before_;
};

}  // namespace synfire::cpu
