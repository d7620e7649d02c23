#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/cpu/workspace.hpp"

namespace synfire::cpu {

// A neuron and what its down row is multiplied with for some token.
struct FiredPair {
  std::uint32_t neuron;
  float hidden;
};

// The pairs that fired, by block of neurons and then by token, and which neurons some token fired
// in a block: what the members that find hidden values leave to those that add down rows. Close
// together, since what another core wrote comes slowly. One member writes a block; all may read it
// afterwards.
class PairLists {
 public:
  PairLists(Workspace& workspace, std::uint32_t n_blocks, std::uint32_t block_neurons,
            std::uint32_t n_tokens)
      : n_tokens_(n_tokens),
        pairs_offset_((head_words(n_tokens) + block_neurons + 15) / 16 * 16),
        stride_(pairs_offset_ + (std::size_t{2} * block_neurons * n_tokens + 15) / 16 * 16),
        words_(workspace.get<std::uint32_t>(Workspace::pairs, n_blocks * stride_)) {}

  static std::size_t bytes_of_token(std::uint32_t n_blocks, std::uint32_t block_neurons) {
    return std::size_t{n_blocks} * block_neurons * sizeof(FiredPair);
  }

  // Writes a block: neurons rising, then pairs token by token.
  class Writer {
   public:
    void add_neuron(std::uint32_t id) { neurons_[block_[0]++] = id; }
    void add(FiredPair pair) { pairs_[n_++] = pair; }
    // After a token's pairs.
    void end_token() { block_[++token_] = n_; }

   private:
    friend class PairLists;
    Writer(std::uint32_t* block, std::uint32_t* neurons, FiredPair* pairs)
        : block_(block), neurons_(neurons), pairs_(pairs) {
      block_[0] = 0;
    }
    std::uint32_t* block_;
    std::uint32_t* neurons_;
    FiredPair* pairs_;
    std::uint32_t n_ = 0, token_ = 0;
  };
  [[nodiscard]] Writer writer(std::uint32_t block) const {
    return {words(block), words(block) + head_words(n_tokens_), pairs_of(block)};
  }

  [[nodiscard]] std::span<const std::uint32_t> neurons(std::uint32_t block) const {
    return {words(block) + head_words(n_tokens_), words(block)[0]};
  }
  [[nodiscard]] std::span<const FiredPair> pairs(std::uint32_t block, std::uint32_t token) const {
    const std::uint32_t first = token == 0 ? 0 : words(block)[token];
    return {pairs_of(block) + first, words(block)[token + 1] - first};
  }
  // Brings a block nearer: first its numbers, which say how long it is, later the rest.
  void fetch_numbers(std::uint32_t block) const {
    fetch(words(block), words(block) + head_words(n_tokens_));
  }
  void fetch(std::uint32_t block) const {
    fetch(neurons(block).data(), neurons(block).data() + neurons(block).size());
    fetch(pairs_of(block), pairs_of(block) + words(block)[n_tokens_]);
  }

 private:
  // How many neurons, and where each token's pairs end.
  static std::size_t head_words(std::uint32_t n_tokens) { return n_tokens + std::size_t{1}; }
  static void fetch(const void* from, const void* to) {
    for (const auto* line = static_cast<const std::byte*>(from); line < to; line += 64)
      __builtin_prefetch(line);
  }
  [[nodiscard]] std::uint32_t* words(std::uint32_t block) const { return words_ + block * stride_; }
  [[nodiscard]] FiredPair* pairs_of(std::uint32_t block) const {
    return reinterpret_cast<FiredPair*>(words(block) + pairs_offset_);
  }

  std::uint32_t n_tokens_;
  std::size_t pairs_offset_, stride_;  // in words
  std::uint32_t* words_;
};

}  // namespace synfire::cpu
