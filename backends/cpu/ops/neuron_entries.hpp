#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "backends/cpu/ops/neuron_rows.hpp"

namespace synfire::cpu {

// What neuron_ffn walks over: the entries of the active list, or all resident neurons where there
// is none.
class NeuronEntries {
 public:
  NeuronEntries(CpuDevice& device, const sdk::OpCall& call) : neurons_(call.neurons()) {
    if (call.has_input(1))
      list_.emplace(call.active_input(1));
    else if (call.batch().n_tokens > 1)
      n_resident_ = list_resident(device, neurons_, &resident_);
    else
      n_resident_ = count_resident(neurons_);
  }

  [[nodiscard]] std::uint32_t size() const { return list_ ? list_->size() : n_resident_; }

  // Writes those from `first` up to `end` that are here and needed by a token; how many. Any
  // member.
  std::uint32_t list_needed(std::uint32_t first, std::uint32_t end, std::uint32_t token,
                            std::uint32_t* ids) const {
    std::uint32_t n = 0;
    if (list_) {
      for (std::uint32_t i = first; i < end; ++i)
        if (is_here(i) && needs(i, token)) ids[n++] = list_->id(i);
      return n;
    }
    const std::uint32_t each = neurons_.desc().group_size;
    while (first + n < end) {
      const std::uint32_t entry = first + n, skipped = entry % each;
      const std::uint32_t from = neurons_.first_neuron(neurons_.resident()[entry / each]) + skipped;
      const std::uint32_t here = std::min(each - skipped, end - entry);
      for (std::uint32_t i = 0; i < here; ++i) ids[n + i] = from + i;
      n += here;
    }
    return n;
  }

  // What comes from here on is for batches of several tokens.
  [[nodiscard]] std::uint32_t id(std::uint32_t i) const {
    return list_ ? list_->id(i) : resident_[i];
  }
  // Of all entries.
  [[nodiscard]] const std::uint32_t* ids() const { return list_ ? list_->ids() : resident_; }
  [[nodiscard]] bool is_here(std::uint32_t i) const { return !list_ || neurons_.has(list_->id(i)); }
  [[nodiscard]] bool needs(std::uint32_t i, std::uint32_t token) const {
    return !list_ || list_->needs(i, token);
  }

  // masks[t]: which of n entries (at most 16) from `first` on are here and needed by the t-th of
  // n_tokens from `token` on, a multiple of 8.
  void list_tokens(std::uint32_t first, std::uint32_t n, std::uint32_t token,
                   std::uint32_t n_tokens, std::uint16_t* masks) const {
    std::uint64_t here[16] = {};  // all bits or none
    for (std::uint32_t i = 0; i < n; ++i) here[i] = std::uint64_t{0} - is_here(first + i);
    for (std::uint32_t t = 0; t < n_tokens; t += 8) {
      const std::uint32_t word = (token + t) / 64, bit = (token + t) % 64;
      std::uint64_t eights[2] = {};
      for (std::uint32_t i = 0; i < n; ++i) {
        const std::uint64_t needs = list_ ? list_->mask(first + i)[word] >> bit : 255;
        eights[i / 8] |= (needs & here[i] & 255) << i % 8 * 8;
      }
      const std::uint64_t low = turned(eights[0]), high = turned(eights[1]);
      for (std::uint32_t i = 0; i < std::min(8u, n_tokens - t); ++i)
        masks[t + i] =
            static_cast<std::uint16_t>((low >> i * 8 & 255) | (high >> i * 8 & 255) << 8);
    }
  }
  // Brings ids and masks of n entries nearer, which another member may have written.
  void fetch(std::uint32_t first, std::uint32_t n) const {
    if (!list_) return;
    const auto lines = [](const void* from, const void* to) {
      for (const auto* line = static_cast<const std::byte*>(from); line < to; line += 64)
        __builtin_prefetch(line);
    };
    lines(list_->ids() + first, list_->ids() + first + n);
    lines(list_->mask(first), list_->mask(first + n));
  }

 private:
  // Bit i of byte t becomes bit t of byte i (Hacker's Delight, 7-3).
  static std::uint64_t turned(std::uint64_t x) {
    const auto swap = [&x](std::uint64_t mask, int by) {
      const std::uint64_t differ = (x ^ x >> by) & mask;
      x ^= differ ^ differ << by;
    };
    swap(0x00aa00aa00aa00aa, 7);
    swap(0x0000cccc0000cccc, 14);
    swap(0x00000000f0f0f0f0, 28);
    return x;
  }

  const sdk::HostNeurons& neurons_;
  std::optional<sdk::ActiveList> list_;
  std::uint32_t* resident_ = nullptr;
  std::uint32_t n_resident_ = 0;
};

}  // namespace synfire::cpu
