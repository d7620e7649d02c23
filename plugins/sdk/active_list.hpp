#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "plugins/abi/synfire_backend.h"

namespace synfire::sdk {

// A view of an active list in memory (layout: sf_active_header in synfire_backend.h). Owns nothing.
class ActiveList {
 public:
  explicit ActiveList(void* memory) : memory_(static_cast<std::byte*>(memory)) {}

  static constexpr std::uint32_t mask_words(std::uint32_t n_tokens) { return (n_tokens + 63) / 64; }
  static constexpr std::size_t mask_offset(std::uint32_t capacity) {
    return sizeof(sf_active_header) + (std::size_t{capacity} * sizeof(std::uint32_t) + 7) / 8 * 8;
  }
  static constexpr std::size_t bytes(std::uint32_t capacity, std::uint32_t n_tokens) {
    return mask_offset(capacity) +
           std::size_t{capacity} * mask_words(n_tokens) * sizeof(std::uint64_t);
  }

  void reset(std::uint32_t capacity, std::uint32_t n_tokens) const {
    header() = {0, capacity, mask_words(n_tokens), 0};
  }
  [[nodiscard]] std::uint32_t size() const { return header().count; }
  [[nodiscard]] std::uint32_t capacity() const { return header().capacity; }
  [[nodiscard]] std::uint32_t mask_words() const { return header().mask_words; }
  [[nodiscard]] std::uint32_t* ids() const {
    return reinterpret_cast<std::uint32_t*>(memory_ + sizeof(sf_active_header));
  }
  [[nodiscard]] std::uint32_t id(std::uint32_t i) const { return ids()[i]; }
  [[nodiscard]] const std::uint64_t* mask(std::uint32_t i) const {
    return masks() + std::size_t{i} * mask_words();
  }
  [[nodiscard]] bool needs(std::uint32_t i, std::uint32_t token) const {
    return (mask(i)[token / 64] >> (token % 64) & 1u) != 0;
  }

  // Adds a neuron with an empty mask, and returns the mask to fill. The caller keeps ids rising.
  std::uint64_t* push(std::uint32_t neuron) const {
    const std::uint32_t i = header().count++;
    ids()[i] = neuron;
    std::uint64_t* const mask = masks() + std::size_t{i} * mask_words();
    std::memset(mask, 0, mask_words() * sizeof(std::uint64_t));
    return mask;
  }

  // Of a batch of one token: n neurons, ids rising, in place of what was there.
  void assign(const std::uint32_t* neurons, std::uint32_t n) const {
    header().count = n;
    std::memcpy(ids(), neurons, n * sizeof(std::uint32_t));
    std::fill_n(masks(), n, std::uint64_t{1});
  }

  // Of n neurons those whose mask is not empty, in place of what was there. `all`: [n,
  // mask_words()].
  void assign_masks(const std::uint64_t* all, std::uint32_t n) const {
    const std::size_t words = mask_words();
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < n; ++i, all += words) {
      std::uint64_t any = 0;  // no branch on it: neurons that fire are as good as random
      ids()[count] = i;
      for (std::size_t w = 0; w < words; ++w) {
        masks()[count * words + w] = all[w];
        any |= all[w];
      }
      count += any != 0;
    }
    header().count = count;
  }

  // Copies the header and the entries that count; `to` has room for the same capacity and mask
  // words.
  void copy_to(void* to) const {
    const ActiveList target(to);
    target.header() = header();
    std::memcpy(target.ids(), ids(), size() * sizeof(std::uint32_t));
    std::memcpy(target.masks(), masks(),
                std::size_t{size()} * mask_words() * sizeof(std::uint64_t));
  }

 private:
  [[nodiscard]] sf_active_header& header() const {
    return *reinterpret_cast<sf_active_header*>(memory_);
  }
  [[nodiscard]] std::uint64_t* masks() const {
    return reinterpret_cast<std::uint64_t*>(memory_ + mask_offset(capacity()));
  }

  std::byte* memory_;
};

}  // namespace synfire::sdk
