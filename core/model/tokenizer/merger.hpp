#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/model/tokenizer/encode_work.hpp"

namespace synfire {

// A run of bytes that is one token, or one character that may not be a token. Linked by index, -1
// ends the list.
struct Symbol {
  std::int32_t prev, next;
  std::uint32_t begin;
  std::uint32_t bytes;  // 0: merged into the one before
  std::int32_t id;      // -1: unknown
};

// Two neighbours may become the token `id`; of all that may, the smallest rank goes first, and of
// equal ranks the leftmost.
struct Merge {
  std::uint32_t rank;
  std::int32_t id;
};

// Merges neighbouring symbols until nothing merges any more, with a heap over a linked list:
// n symbols take at most 3n look-ups and O(n log n) comparisons.
//
// `Rule` has `std::optional<Merge> find(const Symbol& left, const Symbol& right)`, and may answer
// by the text that both cover together only. For one thread; keeps its memory between runs.
template <typename Rule>
class Merger {
 public:
  Merger(Rule& rule, EncodeWork& work) : rule_(rule), work_(work) {}

  // `symbols` are linked in order. Those that remain have `bytes > 0`.
  void run(std::vector<Symbol>& symbols) {
    for (std::size_t i = 1; i < symbols.size(); ++i)
      add(symbols, static_cast<std::int32_t>(i - 1), static_cast<std::int32_t>(i));
    while (!queue_.empty()) {
      const Candidate best = pop();
      if (is_current(symbols, best)) apply(symbols, best);
    }
  }

 private:
  struct Candidate {
    std::uint32_t rank;
    std::int32_t left;
    std::uint32_t bytes;  // of both together
    std::int32_t id;      // of the result
  };

  // Symbols only grow, so both are as they were exactly when their bytes still add up.
  static bool is_current(const std::vector<Symbol>& symbols, const Candidate& candidate) {
    const Symbol& left = symbols[static_cast<std::size_t>(candidate.left)];
    if (left.bytes == 0 || left.next < 0) return false;
    return left.bytes + symbols[static_cast<std::size_t>(left.next)].bytes == candidate.bytes;
  }

  void apply(std::vector<Symbol>& symbols, const Candidate& candidate) {
    Symbol& left = symbols[static_cast<std::size_t>(candidate.left)];
    Symbol& right = symbols[static_cast<std::size_t>(left.next)];
    left.bytes += right.bytes;
    left.id = candidate.id;
    left.next = right.next;
    right.bytes = 0;
    if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].prev = candidate.left;
    add(symbols, left.prev, candidate.left);
    add(symbols, candidate.left, left.next);
  }

  void add(const std::vector<Symbol>& symbols, std::int32_t left, std::int32_t right) {
    if (left < 0 || right < 0) return;
    const Symbol& l = symbols[static_cast<std::size_t>(left)];
    const Symbol& r = symbols[static_cast<std::size_t>(right)];
    ++work_.lookups;
    const std::optional<Merge> merge = rule_.find(l, r);
    if (!merge) return;
    queue_.push_back({merge->rank, left, l.bytes + r.bytes, merge->id});
    std::push_heap(queue_.begin(), queue_.end(), later());
  }

  Candidate pop() {
    std::pop_heap(queue_.begin(), queue_.end(), later());
    const Candidate best = queue_.back();
    queue_.pop_back();
    return best;
  }

  auto later() {
    return [this](const Candidate& a, const Candidate& b) {
      ++work_.comparisons;
      return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
    };
  }

  Rule& rule_;
  EncodeWork& work_;
  std::vector<Candidate> queue_;  // a heap
};

}  // namespace synfire
