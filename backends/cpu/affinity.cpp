#include "backends/cpu/affinity.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace synfire::cpu {
namespace {

int this_thread_id() { return static_cast<int>(syscall(SYS_gettid)); }

}  // namespace

void pin_this_thread(unsigned core) {
  if (core >= CPU_SETSIZE) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

PinnedHere::PinnedHere(unsigned core)
    : thread_(this_thread_id()), known_(sched_getaffinity(0, sizeof before_, &before_) == 0) {
  pin_this_thread(core);
}

PinnedHere::~PinnedHere() {
  if (known_ && thread_ == this_thread_id()) sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace synfire::cpu
