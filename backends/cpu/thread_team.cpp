#include "backends/cpu/thread_team.hpp"

#include <immintrin.h>

#include <chrono>

#include "backends/cpu/topology.hpp"

namespace synfire::cpu {
namespace {

std::atomic<std::size_t> members_of_all_teams{0};  // of this process

// Longer than the serial gaps between the ops of a stage, shorter than anything a user would
// notice.
constexpr std::chrono::microseconds kSpin{50};
// From then on whoever else wants the core gets it: another process, or the thread that we wait
// for.
constexpr std::chrono::microseconds kYield{5};

// Spins until `done` or until kSpin has passed; true if done.
template <typename Done>
bool spin_until(const Done& done) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin{};
  for (bool first = true;; first = false) {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      _mm_pause();
    }
    const Clock::time_point now = Clock::now();
    if (first) begin = now;
    if (now >= begin + kSpin) return done();
    if (now >= begin + kYield) std::this_thread::yield();
  }
}

}  // namespace

ThreadTeam::ThreadTeam(std::size_t members, const ThreadHomes& homes, bool spin) : spin_(spin) {
  for (std::size_t member = 1; member < members; ++member)
    threads_.emplace_back([this, member, homes] { member_main(member, homes); });
  members_of_all_teams += members;
}

ThreadTeam::~ThreadTeam() {
  gate_.store(kStop, std::memory_order_release);
  run_.fetch_add(1, std::memory_order_release);
  run_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  members_of_all_teams -= members();
}

// Spinning threads must have a processor each.
bool ThreadTeam::may_spin() const {
  static const std::size_t processors = machine_topology().processing_units.size();
  return spin_ && members_of_all_teams.load(std::memory_order_relaxed) <= processors;
}

void ThreadTeam::parallel_for(std::size_t chunks, Body body) {
  next_chunk_.store(0, std::memory_order_relaxed);
  parallel_members(chunks, [&](std::size_t member) {
    const auto take = [&] { return next_chunk_.fetch_add(1, std::memory_order_relaxed); };
    try {
      for (std::size_t chunk; (chunk = take()) < chunks;) body(chunk, member);
    } catch (...) {
      next_chunk_.store(chunks, std::memory_order_relaxed);
      throw;
    }
  });
}

void ThreadTeam::parallel_members(std::size_t parts, MemberBody body) {
  body_ = &body;
  const bool shared = parts > 1 && !threads_.empty();
  if (shared) {
    const std::uint32_t run = run_.load(std::memory_order_relaxed) + 1;
    gate_.store(kOpen | run_bits(run), std::memory_order_release);
    run_.fetch_add(1, std::memory_order_release);
    run_.notify_all();
  }
  run_body(0);
  if (shared) wait_until_left();
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadTeam::run_body(std::size_t member) noexcept {
  try {
    (*body_)(member);
  } catch (...) {
    const std::lock_guard lock(failure_mutex_);
    if (failure_ == nullptr) failure_ = std::current_exception();
  }
}

void ThreadTeam::wait_until_left() {
  gate_.fetch_and(~kOpen, std::memory_order_relaxed);
  const auto empty = [&] { return (gate_.load(std::memory_order_acquire) & kInside) == 0; };
  if (may_spin() && spin_until(empty)) return;
  for (std::uint32_t gate; ((gate = gate_.load(std::memory_order_acquire)) & kInside) != 0;)
    gate_.wait(gate, std::memory_order_acquire);
}

void ThreadTeam::member_main(std::size_t member, const ThreadHomes& homes) {
  keep_this_thread(homes, member);
  for (std::uint32_t seen = 0, joined = 0;;) {
    seen = wait_for_run(seen);
    if ((gate_.load(std::memory_order_acquire) & kStop) != 0) return;
    if (!join(joined)) continue;
    run_body(member);
    leave();
  }
}

std::uint32_t ThreadTeam::wait_for_run(std::uint32_t seen) const {
  const auto changed = [&] { return run_.load(std::memory_order_acquire) != seen; };
  if (!may_spin() || !spin_until(changed)) run_.wait(seen, std::memory_order_acquire);
  return run_.load(std::memory_order_acquire);
}

bool ThreadTeam::join(std::uint32_t& joined) {
  std::uint32_t gate = gate_.load(std::memory_order_relaxed);
  while ((gate & kOpen) != 0 && (gate & (kOpen | kRun)) != joined)
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      joined = gate & (kOpen | kRun);
      return true;
    }
  return false;
}

void ThreadTeam::leave() {
  // The caller waits only once it has closed the gate.
  if ((gate_.fetch_sub(1, std::memory_order_release) & (kOpen | kInside)) == 1) gate_.notify_one();
}

}  // namespace synfire::cpu
