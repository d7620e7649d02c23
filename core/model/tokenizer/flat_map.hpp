#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace synfire {

// A hash map from 64-bit keys, in one array: a look-up touches one cache line, mostly. Tokenizers
// ask it once or twice per character.
//
// Filled by one thread, then any thread may read. The key of all ones is taken.
template <typename Value>
class FlatMap {
 public:
  explicit FlatMap(std::size_t max_entries)
      : slots_(std::bit_ceil(2 * max_entries + 1)), shift_(64 - std::countr_zero(slots_.size())) {}

  // At most `max_entries` distinct keys. False (and no change) where the key is there already.
  bool insert(std::uint64_t key, Value value) {
    Slot& slot = slots_[locate(key)];
    if (slot.key == key) return false;
    slot = {key, value};
    return true;
  }

  // Null when absent.
  [[nodiscard]] const Value* find(std::uint64_t key) const {
    const Slot& slot = slots_[locate(key)];
    return slot.key == key ? &slot.value : nullptr;
  }

 private:
  static constexpr std::uint64_t kFree = std::numeric_limits<std::uint64_t>::max();
  struct Slot {
    std::uint64_t key = kFree;
    Value value{};
  };

  // The slot of the key, or the free one where it belongs.
  [[nodiscard]] std::size_t locate(std::uint64_t key) const {
    std::size_t i = shift_ == 64 ? 0 : (key * 0x9E3779B97F4A7C15U) >> shift_;
    while (slots_[i].key != key && slots_[i].key != kFree) i = (i + 1) & (slots_.size() - 1);
    return i;
  }

  std::vector<Slot> slots_;  // a power of two of them, at most half in use
  int shift_;                // 64 - log2(slots)
};

}  // namespace synfire
