#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace synfire {

// First in, first out, in memory that is taken once. Not thread-safe; its owner locks.
template <typename T>
class RingBuffer {
 public:
  explicit RingBuffer(std::size_t capacity) : slots_(capacity) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ == slots_.size(); }

  // Takes `value`, or leaves it untouched and says false when full.
  bool push(T&& value) {
    if (full()) return false;
    slots_[(first_ + size_) % slots_.size()].emplace(std::move(value));
    ++size_;
    return true;
  }

  std::optional<T> pop() {
    if (empty()) return std::nullopt;
    std::optional<T> value = std::exchange(slots_[first_], std::nullopt);
    first_ = (first_ + 1) % slots_.size();
    --size_;
    return value;
  }

 private:
  std::vector<std::optional<T>> slots_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace synfire
