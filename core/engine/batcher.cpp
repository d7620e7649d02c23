#include "core/engine/batcher.hpp"

#include <algorithm>
#include <utility>

namespace synfire {

Batcher::Step Batcher::next(TimePoint now) {
  admit(now);
  if (running_.empty()) return {nullptr, {}};
  std::rotate(running_.begin(), running_.begin() + 1, running_.end());
  const Running& turn = running_.back();
  return {turn.session.get(), compose(turn)};
}

void Batcher::admit(TimePoint now) {
  while (!waiting_.empty() && running_.size() < limits_.max_sequences) {
    std::vector<std::uint32_t> blocks = blocks_.take(waiting_.front()->max_tokens());
    if (blocks.empty()) return;
    waiting_.front()->on_start(now);
    running_.push_front({std::move(waiting_.front()), std::move(blocks)});
    waiting_.pop_front();
  }
}

StepBatch Batcher::compose(const Running& running) const {
  const Session& session = *running.session;
  const std::uint32_t first = session.computed();
  const std::uint32_t count = std::min(session.n_tokens() - first, limits_.max_tokens);
  StepBatch batch;
  for (std::uint32_t i = 0; i < count; ++i) {
    batch.tokens.push_back(session.tokens()[first + i]);
    batch.positions.push_back(first + i);
    batch.sequences.push_back(0);
    if (session.wants_logits(first + i)) batch.wanted.push_back(i);
  }
  batch.block_tables = running.blocks;
  batch.max_blocks = static_cast<std::uint32_t>(running.blocks.size());
  return batch;
}

std::unique_ptr<Session> Batcher::remove(RequestId id) {
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if ((*it)->id() != id) continue;
    std::unique_ptr<Session> session = std::move(*it);
    waiting_.erase(it);
    return session;
  }
  for (auto it = running_.begin(); it != running_.end(); ++it) {
    if (it->session->id() != id) continue;
    std::unique_ptr<Session> session = std::move(it->session);
    blocks_.give_back(it->blocks);
    running_.erase(it);
    return session;
  }
  return nullptr;
}

std::vector<std::unique_ptr<Session>> Batcher::remove_all() {
  std::vector<RequestId> ids;
  for (const Running& running : running_) ids.push_back(running.session->id());
  for (const auto& session : waiting_) ids.push_back(session->id());
  std::vector<std::unique_ptr<Session>> sessions;
  for (const RequestId id : ids) sessions.push_back(remove(id));
  return sessions;
}

}  // namespace synfire
