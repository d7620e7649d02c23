#pragma once

#include <sched.h>

#include <cstddef>
#include <vector>

namespace synfire::cpu {

// Where the threads of a device run: member i of its team on `processors[i % size]` alone, or all
// of them on any of these. Without processors: wherever the system likes.
struct ThreadHomes {
  std::vector<unsigned> processors;  // by OS number
  bool one_each = true;
};

// Keeps the calling thread at home. A refusal by the system is ignored: it makes things faster,
// never right.
void keep_this_thread(const ThreadHomes& homes, std::size_t member);

// Processors that one device of this process has for itself, as far as this process goes.
// Thread-safe.
class ProcessorClaim {
 public:
  ProcessorClaim() = default;
  // Not held where another claim has one of them.
  explicit ProcessorClaim(std::vector<unsigned> processors);
  ~ProcessorClaim();
  ProcessorClaim(const ProcessorClaim&) = delete;
  ProcessorClaim& operator=(const ProcessorClaim&) = delete;

  [[nodiscard]] bool held() const { return !processors_.empty(); }

 private:
  std::vector<unsigned> processors_;
};

// Keeps the calling thread, as member 0, at home while it lives, then lets it run where it could
// before. Destruct on the same thread; on another one it leaves both alone.
class KeptHere {
 public:
  explicit KeptHere(const ThreadHomes& homes);
  ~KeptHere();
  KeptHere(const KeptHere&) = delete;
  KeptHere& operator=(const KeptHere&) = delete;

 private:
  int thread_;  // the kernel's number
  bool known_;  // before_ was read
  cpu_set_t before_;
};

}  // namespace synfire::cpu
