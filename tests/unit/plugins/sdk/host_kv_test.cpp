// Where HostKv (plugins/sdk/host_memory.hpp) puts keys and values.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "plugins/sdk/host_memory.hpp"

namespace synfire::sdk {
namespace {

// Of 2 heads 1.25 MiB a block: 16 blocks, the next power of two would be 40 MiB, are a stretch.
constexpr std::size_t kKeyBytes = 256 << 10, kValueBytes = 384 << 10;
constexpr std::uint32_t kStretch = 16;

sf_kv_desc desc_of(std::uint32_t n_blocks) {
  sf_kv_desc desc{};
  desc.struct_size = sizeof(desc);
  desc.n_layers = 3;
  desc.n_blocks = n_blocks;
  desc.block_tokens = 32;
  desc.n_kv_heads = 2;
  desc.head_dim = 32;
  desc.dtype = static_cast<std::uint32_t>(DType::f16);
  return desc;
}

// All pieces lie one after the other, none within another, and fill the memory.
void expect_each_byte_once(const HostKv& kv, std::size_t key_bytes, std::size_t value_bytes) {
  std::vector<std::pair<std::size_t, std::size_t>> pieces;  // from, to
  const auto add = [&](const std::byte* at, std::size_t bytes) {
    const auto from = static_cast<std::size_t>(at - kv.memory().data());
    pieces.emplace_back(from, from + bytes);
  };
  for (std::uint32_t layer = 0; layer < kv.desc().n_layers; ++layer)
    for (std::uint32_t block = 0; block < kv.desc().n_blocks; ++block)
      for (std::uint32_t head = 0; head < kv.desc().n_kv_heads; ++head) {
        add(kv.keys(layer, block, head), key_bytes);
        add(kv.values(layer, block, head), value_bytes);
      }
  std::sort(pieces.begin(), pieces.end());
  std::size_t end = 0;
  for (const auto& [from, to] : pieces) {
    ASSERT_EQ(from, end);
    end = to;
  }
  EXPECT_EQ(end, kv.memory().size());
}

TEST(HostKv, EachByteBelongsToOnePiece) {
  for (const std::uint32_t n_blocks : {1U, kStretch, 2 * kStretch, 2 * kStretch + 5})
    expect_each_byte_once(HostKv(desc_of(n_blocks), kKeyBytes, kValueBytes), kKeyBytes,
                          kValueBytes);
  expect_each_byte_once(HostKv(desc_of(100), 96, 160), 96, 160);  // one stretch
  const std::size_t more_than_a_stretch = 20 << 20;
  expect_each_byte_once(HostKv(desc_of(2), more_than_a_stretch, 64), more_than_a_stretch, 64);
}

TEST(HostKv, AHeadsKeysAreOneStreamWithinAStretch) {
  const HostKv kv(desc_of(2 * kStretch + 5), kKeyBytes, kValueBytes);
  for (const std::uint32_t head : {0U, 1U})
    for (std::uint32_t block = 0; block < kv.desc().n_blocks; ++block) {
      if (block % kStretch == 0) continue;
      EXPECT_EQ(kv.keys(1, block, head), kv.keys(1, block - 1, head) + kKeyBytes);
      EXPECT_EQ(kv.values(1, block, head), kv.values(1, block - 1, head) + kValueBytes);
    }
}

TEST(HostKv, LaterStretchesLieBehindAllHeadsOfEarlierOnes) {
  const HostKv kv(desc_of(2 * kStretch + 5), kKeyBytes, kValueBytes);
  for (const std::uint32_t first : {kStretch, 2 * kStretch})
    EXPECT_LT(kv.values(1, first - 1, 1), kv.keys(1, first, 0));
}

}  // namespace
}  // namespace synfire::sdk
