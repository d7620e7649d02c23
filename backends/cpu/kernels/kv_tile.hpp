#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "plugins/sdk/dtype.hpp"

// How this backend lays out keys and values of one KV head: in tiles of kKvTile positions, so that
// a vector of keys is one element of as many positions (scores need no sums over lanes), and a
// vector of values is as many elements of one position. A block of the KV storage is a whole number
// of tiles.
//
//   F32, F16   keys    [head_dim, kKvTile]
//              values  [kKvTile, head_dim]
//   Q8_0       keys    quants [head_dim / 4, kKvTile, 4], scales (f16) [head_dim / 32, kKvTile]
//              values  quants [kKvTile, head_dim], scales (f16) [head_dim / 32, kKvTile]
namespace synfire::cpu {

inline constexpr std::uint32_t kKvTile = 16;

// Of keys; and of values.
constexpr std::size_t kv_tile_bytes(DType dtype, std::uint32_t head_dim) {
  return kKvTile * row_bytes(dtype, head_dim);
}

// One position's key or value, as the block codec encodes rows, to its slot of a tile.
class KvTileRow {
 public:
  KvTileRow(DType dtype, std::uint32_t head_dim, std::uint32_t slot)
      : dtype_(dtype), head_dim_(head_dim), slot_(slot) {}

  void store_key(const std::byte* row, std::byte* tile) const {
    switch (dtype_) {
      case DType::f32: return scatter<4>(row, head_dim_, tile);
      case DType::f16: return scatter<2>(row, head_dim_, tile);
      default: break;
    }
    for (std::uint32_t block = 0; block < head_dim_ / 32; ++block, row += 34) {
      store_scale(row, block, tile);
      scatter<4>(row + 2, 8, tile + std::size_t{block} * 32 * kKvTile);
    }
  }

  void store_value(const std::byte* row, std::byte* tile) const {
    const std::size_t bytes = row_bytes(dtype_, head_dim_);
    if (dtype_ != DType::q8_0) {
      std::memcpy(tile + slot_ * bytes, row, bytes);
      return;
    }
    for (std::uint32_t block = 0; block < head_dim_ / 32; ++block, row += 34) {
      store_scale(row, block, tile);
      std::memcpy(tile + std::size_t{slot_} * head_dim_ + block * 32, row + 2, 32);
    }
  }

 private:
  // n pieces of a row, kKvTile pieces apart.
  template <std::size_t Bytes>
  void scatter(const std::byte* row, std::uint32_t n, std::byte* tile) const {
    for (std::uint32_t i = 0; i < n; ++i)
      std::memcpy(tile + (std::size_t{i} * kKvTile + slot_) * Bytes, row + i * Bytes, Bytes);
  }
  void store_scale(const std::byte* block_of_row, std::uint32_t block, std::byte* tile) const {
    std::byte* const scales = tile + std::size_t{kKvTile} * head_dim_;
    std::memcpy(scales + (std::size_t{block} * kKvTile + slot_) * 2, block_of_row, 2);
  }

  DType dtype_;
  std::uint32_t head_dim_;
  std::uint32_t slot_;
};

}  // namespace synfire::cpu
