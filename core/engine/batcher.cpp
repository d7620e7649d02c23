#include "core/engine/batcher.hpp"

#include <algorithm>
#include <utility>

namespace synfire {

Batcher::Step Batcher::next(TimePoint now) {
  admit(now);
  const std::vector<std::uint32_t> shares = share_out();
  Step step = compose(shares);
  let_others_go_first(shares);
  return step;
}

void Batcher::admit(TimePoint now) {
  while (!waiting_.empty() && running_.size() < limits_.max_sequences) {
    std::vector<std::uint32_t> blocks = blocks_.take(waiting_.front()->max_tokens());
    if (blocks.empty()) return;
    waiting_.front()->on_start(now);
    running_.push_back({std::move(waiting_.front()), std::move(blocks)});
    waiting_.pop_front();
  }
}

std::vector<std::uint32_t> Batcher::share_out() const {
  std::vector<std::uint32_t> shares(running_.size(), 0);
  std::uint32_t room = limits_.max_tokens;
  for (const bool generating : {true, false})
    for (std::size_t i = 0; i < running_.size(); ++i) {
      if (running_[i].generates() != generating) continue;
      shares[i] = std::min(running_[i].left(), room);
      room -= shares[i];
    }
  return shares;
}

Batcher::Step Batcher::compose(const std::vector<std::uint32_t>& shares) const {
  Step step;
  for (std::size_t i = 0; i < shares.size(); ++i)
    if (shares[i] != 0)
      step.batch.max_blocks =
          std::max(step.batch.max_blocks, static_cast<std::uint32_t>(running_[i].blocks.size()));
  for (std::size_t i = 0; i < shares.size(); ++i)
    if (shares[i] != 0)
      step.parts.push_back(append(running_[i], static_cast<std::uint32_t>(step.parts.size()),
                                  shares[i], step.batch));
  return step;
}

Batcher::Part Batcher::append(const Running& running, std::uint32_t row, std::uint32_t count,
                              StepBatch& batch) {
  const Session& session = *running.session;
  const std::uint32_t first = session.computed();
  Part part{running.session.get(), count, 0};
  for (std::uint32_t i = first; i < first + count; ++i) {
    if (session.wants_logits(i)) {
      batch.wanted.push_back(batch.n_tokens());
      ++part.n_wanted;
    }
    batch.tokens.push_back(session.tokens()[i]);
    batch.positions.push_back(i);
    batch.sequences.push_back(row);
  }
  // Shorter tables are filled up; no position reaches there.
  batch.block_tables.insert(batch.block_tables.end(), running.blocks.begin(), running.blocks.end());
  batch.block_tables.resize(std::size_t{row + 1} * batch.max_blocks, 0);
  return part;
}

void Batcher::let_others_go_first(const std::vector<std::uint32_t>& shares) {
  std::deque<Running> order;
  for (const bool served : {false, true})
    for (std::size_t i = 0; i < shares.size(); ++i)
      if ((shares[i] != 0) == served) order.push_back(std::move(running_[i]));
  running_ = std::move(order);
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
