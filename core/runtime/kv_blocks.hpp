#pragma once

#include <cstdint>
#include <vector>

namespace synfire {

// Ids of KV blocks: who has which is the engine's business, the storage is the devices'. One thread
// at a time.
class KvBlocks {
 public:
  KvBlocks(std::uint32_t n_blocks, std::uint32_t block_tokens) : block_tokens_(block_tokens) {
    for (std::uint32_t id = n_blocks; id > 0; --id) free_.push_back(id - 1);
  }

  [[nodiscard]] std::uint32_t block_tokens() const { return block_tokens_; }
  [[nodiscard]] std::uint32_t available() const { return static_cast<std::uint32_t>(free_.size()); }
  [[nodiscard]] std::uint32_t blocks_for(std::uint32_t tokens) const {
    return (tokens + block_tokens_ - 1) / block_tokens_;
  }

  // Blocks for `tokens`, lowest ids first; empty when there are too few.
  [[nodiscard]] std::vector<std::uint32_t> take(std::uint32_t tokens) {
    const std::uint32_t count = blocks_for(tokens);
    std::vector<std::uint32_t> taken;
    if (count > available()) return taken;
    for (std::uint32_t i = 0; i < count; ++i) {
      taken.push_back(free_.back());
      free_.pop_back();
    }
    return taken;
  }
  void give_back(const std::vector<std::uint32_t>& blocks) {
    free_.insert(free_.end(), blocks.rbegin(), blocks.rend());
  }

 private:
  std::uint32_t block_tokens_;
  std::vector<std::uint32_t> free_;  // the last one goes next
};

}  // namespace synfire
