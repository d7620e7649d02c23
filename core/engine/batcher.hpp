#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "core/engine/batch_memory.hpp"
#include "core/engine/messages.hpp"
#include "core/engine/session.hpp"
#include "core/runtime/kv_blocks.hpp"

namespace synfire {

// Decides what the next step computes: sessions that wait, those that run and have KV blocks, and
// who is in the step.
//
// A step has the next token of every running session that generates, and as many tokens of prompts
// as there is room for besides (limits.max_tokens in all). Who was left out of a step, for want of
// room, comes before all others in the next: nobody waits for ever, and the order follows from the
// requests alone. Touched by the engine's actor alone.
class Batcher {
 public:
  // `limits.max_tokens` is at least `limits.max_sequences`: generating leaves room for prompts.
  Batcher(const BatchLimits& limits, KvBlocks blocks)
      : limits_(limits), blocks_(std::move(blocks)) {}

  // One session's part of a step: row i of the batch's block tables for part i, and a run of its
  // tokens and of its wanted logits, in the order of the parts.
  struct Part {
    Session* session;
    std::uint32_t n_tokens;
    std::uint32_t n_wanted;
  };
  struct Step {
    std::vector<Part> parts;
    StepBatch batch;
  };

  void add(std::unique_ptr<Session> session) { waiting_.push_back(std::move(session)); }
  // Lets sessions in as far as there are places and blocks, and composes a step; without parts:
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

    [[nodiscard]] std::uint32_t left() const { return session->n_tokens() - session->computed(); }
    [[nodiscard]] bool generates() const { return left() == 1; }
  };

  void admit(TimePoint now);
  // Tokens of each running session in the next step, in their order.
  [[nodiscard]] std::vector<std::uint32_t> share_out() const;
  [[nodiscard]] Step compose(const std::vector<std::uint32_t>& shares) const;
  static Part append(const Running& running, std::uint32_t row, std::uint32_t count,
                     StepBatch& batch);
  void let_others_go_first(const std::vector<std::uint32_t>& shares);

  BatchLimits limits_;
  KvBlocks blocks_;
  std::deque<std::unique_ptr<Session>> waiting_;  // first come, first served
  std::deque<Running> running_;                   // the front is served first
};

}  // namespace synfire
