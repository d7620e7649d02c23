#include "backends/cpu/affinity.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <utility>

namespace synfire::cpu {
namespace {

std::mutex claims_mutex;
std::set<unsigned> claimed;  // guarded by claims_mutex

int this_thread_id() { return static_cast<int>(syscall(SYS_gettid)); }

}  // namespace

void keep_this_thread(const ThreadHomes& homes, std::size_t member) {
  if (homes.processors.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  const auto allow = [&set](unsigned processor) {
    if (processor < CPU_SETSIZE) CPU_SET(processor, &set);
  };
  if (homes.one_each)
    allow(homes.processors[member % homes.processors.size()]);
  else
    for (const unsigned processor : homes.processors) allow(processor);
  sched_setaffinity(0, sizeof set, &set);
}

ProcessorClaim::ProcessorClaim(std::vector<unsigned> processors) {
  const std::lock_guard lock(claims_mutex);
  for (const unsigned processor : processors)
    if (claimed.contains(processor)) return;
  claimed.insert(processors.begin(), processors.end());
  processors_ = std::move(processors);
}

ProcessorClaim::~ProcessorClaim() {
  const std::lock_guard lock(claims_mutex);
  for (const unsigned processor : processors_) claimed.erase(processor);
}

KeptHere::KeptHere(const ThreadHomes& homes)
    : thread_(this_thread_id()), known_(sched_getaffinity(0, sizeof before_, &before_) == 0) {
  keep_this_thread(homes, 0);
}

KeptHere::~KeptHere() {
  if (known_ && thread_ == this_thread_id()) sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace synfire::cpu
