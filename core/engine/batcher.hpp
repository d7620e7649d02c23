#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "core/engine/batch_memory.hpp"
#include "core/engine/messages.hpp"
#include "core/engine/session.hpp"
#include "core/runtime/kv_blocks.hpp"

namespace synfire {

// Decides what the next step computes: sessions that wait, those that run and have KV blocks, and
// whose turn it is.
//
// Running sessions take turns, a step each: a slice of a prompt, or one token. Touched by the
// engine's actor alone.
class Batcher {
 public:
  Batcher(const BatchLimits& limits, KvBlocks blocks)
      : limits_(limits), blocks_(std::move(blocks)) {}

  struct Step {
    Session* session;
    StepBatch batch;
  };

  void add(std::unique_ptr<Session> session) { waiting_.push_back(std::move(session)); }
  // Lets sessions in as far as there are places and blocks, and composes a step; session null:
  // nothing to do.
  [[nodiscard]] Step next(TimePoint now);

  // Takes a session out, wherever it is; null: unknown.
  std::unique_ptr<Session> remove(RequestId id);
  // Takes all out.
  std::vector<std::unique_ptr<Session>> remove_all();

  [[nodiscard]] std::size_t n_waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t n_running() const { return running_.size(); }

 private:
  struct Running {
    std::unique_ptr<Session> session;
    std::vector<std::uint32_t> blocks;  // by position / block_tokens
  };

  void admit(TimePoint now);
  [[nodiscard]] StepBatch compose(const Running& running) const;

  BatchLimits limits_;
  KvBlocks blocks_;
  std::deque<std::unique_ptr<Session>> waiting_;  // first come, first served
  std::deque<Running> running_;                   // the front's turn is next
};

}  // namespace synfire
