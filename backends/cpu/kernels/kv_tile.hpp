#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "plugins/sdk/dtype.hpp"

// How this backend lays out keys and values of one KV head: in tiles of kKvTile positions (of
// kWideTile where they are wide), so that a vector of keys is one element of as many positions
// (scores need no sums over lanes), and a vector of values is as many elements of one position. A
// block of the KV storage is a whole number of tiles.
//
//   F32, F16   keys    [head_dim, kKvTile]
//              values  [kKvTile, head_dim]
//   wide       keys    scales of keys, then of values (f32) [2, kWideTile],
//                      quants [wide_dim / 2, kWideTile, 2]
//              values  quants [wide_dim / 32, kWideTile / 2, 32, 2]
//   Q8_0       keys    quants [head_dim / 4, kKvTile, 4], scales (f16) [head_dim / 32, kKvTile]
//              values  quants [kKvTile, head_dim], scales (f16) [head_dim / 32, kKvTile]
namespace synfire::cpu {

inline constexpr std::uint32_t kKvTile = 16;
inline constexpr std::uint32_t kWideTile = 32;

// What a KV cache of some dtype is kept as. `wide` stands for F16 where a level multiplies 16-bit
// integers faster than floats: integers with one scale for a position's key or value, as near to it
// as half floats.
enum class KvFormat { f32, f16, wide, q8_0 };

constexpr std::uint32_t kv_tile_positions(KvFormat format) {
  return format == KvFormat::wide ? kWideTile : kKvTile;
}

// Elements of a wide row: those of a head, then zeros.
constexpr std::uint32_t wide_dim(std::uint32_t head_dim) { return (head_dim + 31) / 32 * 32; }

// One position's key, or value.
constexpr std::size_t kv_row_bytes(KvFormat format, std::uint32_t head_dim) {
  switch (format) {
    case KvFormat::f32: return row_bytes(DType::f32, head_dim);
    case KvFormat::f16: return row_bytes(DType::f16, head_dim);
    case KvFormat::wide: return wide_dim(head_dim) * sizeof(std::int16_t) + sizeof(float);
    default: return row_bytes(DType::q8_0, head_dim);
  }
}

constexpr std::size_t kWideScales = std::size_t{2} * kWideTile * sizeof(float);

constexpr std::size_t key_tile_bytes(KvFormat format, std::uint32_t head_dim) {
  if (format != KvFormat::wide) return kKvTile * kv_row_bytes(format, head_dim);
  return kWideScales + std::size_t{kWideTile} * wide_dim(head_dim) * sizeof(std::int16_t);
}
constexpr std::size_t value_tile_bytes(KvFormat format, std::uint32_t head_dim) {
  return key_tile_bytes(format, head_dim) - (format == KvFormat::wide ? kWideScales : 0);
}

// One position's key or value to its slot of a tile: as the block codec encodes rows, or as
// KernelTable::to_wide does.
class KvTileRow {
 public:
  KvTileRow(KvFormat format, std::uint32_t head_dim, std::uint32_t slot)
      : format_(format), head_dim_(head_dim), slot_(slot) {}

  void store_key(const std::byte* row, std::byte* tile) const {
    switch (format_) {
      case KvFormat::f32: return scatter<4>(row, head_dim_, tile);
      case KvFormat::f16: return scatter<2>(row, head_dim_, tile);
      case KvFormat::wide:
        store_wide_scale(row, tile);
        return scatter<4, kWideTile>(row, wide_dim(head_dim_) / 2, tile + kWideScales);
      default: break;
    }
    for (std::uint32_t block = 0; block < head_dim_ / 32; ++block, row += 34) {
      store_scale(row, block, tile);
      scatter<4>(row + 2, 8, tile + std::size_t{block} * 32 * kKvTile);
    }
  }

  // `keys`: the same positions' tile of these.
  void store_value(const std::byte* row, std::byte* keys, std::byte* tile) const {
    if (format_ == KvFormat::wide) {
      store_wide_scale(row, keys + kWideScales / 2);
      return store_wide_value(row, tile);
    }
    const std::size_t bytes = kv_row_bytes(format_, head_dim_);
    if (format_ != KvFormat::q8_0) {
      std::memcpy(tile + slot_ * bytes, row, bytes);
      return;
    }
    for (std::uint32_t block = 0; block < head_dim_ / 32; ++block, row += 34) {
      store_scale(row, block, tile);
      std::memcpy(tile + std::size_t{slot_} * head_dim_ + block * 32, row + 2, 32);
    }
  }

 private:
  // n pieces of a row, as many pieces apart as a tile has positions.
  template <std::size_t Bytes, std::uint32_t Tile = kKvTile>
  void scatter(const std::byte* row, std::uint32_t n, std::byte* tile) const {
    for (std::uint32_t i = 0; i < n; ++i)
      std::memcpy(tile + (std::size_t{i} * Tile + slot_) * Bytes, row + i * Bytes, Bytes);
  }
  // Each integer beside that of the slot's neighbour.
  void store_wide_value(const std::byte* row, std::byte* tile) const {
    std::byte* const slot = tile + (slot_ / 2 * 64 + slot_ % 2) * 2;
    for (std::uint32_t i = 0; i < wide_dim(head_dim_); ++i)
      std::memcpy(slot + (std::size_t{i / 32} * 32 * kWideTile + i % 32 * 2) * 2,
                  row + std::size_t{i} * 2, 2);
  }
  void store_wide_scale(const std::byte* row, std::byte* scales) const {
    std::memcpy(scales + slot_ * sizeof(float), row + wide_dim(head_dim_) * sizeof(std::int16_t),
                sizeof(float));
  }
  void store_scale(const std::byte* block_of_row, std::uint32_t block, std::byte* tile) const {
    std::byte* const scales = tile + std::size_t{kKvTile} * head_dim_;
    std::memcpy(scales + (std::size_t{block} * kKvTile + slot_) * 2, block_of_row, 2);
  }

  KvFormat format_;
  std::uint32_t head_dim_;
  std::uint32_t slot_;
};

}  // namespace synfire::cpu
