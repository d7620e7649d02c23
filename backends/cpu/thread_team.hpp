#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "backends/cpu/affinity.hpp"
#include "backends/cpu/function_ref.hpp"

namespace synfire::cpu {

// The threads of one device. The thread that calls parallel_for is member 0; the others wait for
// it: spinning for a short while after each run, then asleep, so an idle team costs nothing.
//
// A member that comes late (asleep, preempted) takes no part: the caller never waits for a thread
// that has not taken a chunk, so an overcommitted machine gets slower and not stuck.
//
// One thread at a time may start a run, not from inside a body. Destruct on any thread, idle.
class ThreadTeam {
 public:
  // What a member does with one chunk of the work.
  using Body = FunctionRef<void(std::size_t chunk, std::size_t member)>;
  // What a member does in a run, all of it.
  using MemberBody = FunctionRef<void(std::size_t member)>;

  // `members` >= 1, the caller counted. Members i > 0 stay at home; where the caller runs is the
  // caller's business. `spin` false: members sleep at once; and so they do while the teams of this
  // process have more members than it has processors.
  ThreadTeam(std::size_t members, const ThreadHomes& homes, bool spin);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  [[nodiscard]] std::size_t members() const { return threads_.size() + 1; }

  // Runs body(chunk, member) for every chunk in [0, chunks), each once, chunks handed out in rising
  // order; returns when all are done. If bodies throw, one of the exceptions comes out here, and
  // chunks that nobody had begun are dropped.
  void parallel_for(std::size_t chunks, Body body);
  // Runs body(member) once for each member that comes, always for the caller; for nobody else where
  // there is work for `parts` < 2 members. They share the work out among themselves, and leave
  // nothing to those who do not come.
  void parallel_members(std::size_t parts, MemberBody body);

 private:
  // The gate's bits. A run's number lets nobody come twice: a member that is late for a run may
  // join the next one before it sees that one announced.
  static constexpr std::uint32_t kOpen = 1u << 31;     // members may join
  static constexpr std::uint32_t kStop = 1u << 30;     // the team ends
  static constexpr std::uint32_t kRun = 0x3fff << 16;  // the run's number, its lowest bits
  static constexpr std::uint32_t kInside = 0xffff;     // how many have joined and not left
  static std::uint32_t run_bits(std::uint32_t run) { return run << 16 & kRun; }

  void member_main(std::size_t member, const ThreadHomes& homes);
  [[nodiscard]] bool may_spin() const;
  [[nodiscard]] std::uint32_t wait_for_run(std::uint32_t seen) const;
  // `joined`: the run that the member joined last.
  [[nodiscard]] bool join(std::uint32_t& joined);
  void leave();
  void wait_until_left();
  void run_body(std::size_t member) noexcept;

  const bool spin_;
  std::vector<std::thread> threads_;

  // The run under way. Written by the caller while nobody is inside.
  MemberBody* body_ = nullptr;
  std::exception_ptr failure_;  // the first one; guarded by failure_mutex_
  std::mutex failure_mutex_;

  alignas(64) std::atomic<std::uint32_t> run_{0};  // counts runs; members wait for it to change
  alignas(64) std::atomic<std::uint32_t> gate_{0};
  alignas(64) std::atomic<std::size_t> next_chunk_{0};  // of parallel_for
};

}  // namespace synfire::cpu
