#pragma once

#include <cstdint>

namespace synfire::cpu {

// What LDTILECFG reads (palette 1): how many rows each of the 8 tile registers has, and of how many
// bytes; a register of which both are 0 must not be used. One with less than 64 bytes or 16 rows
// multiplies the same way, over fewer elements.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};  // the last 8 are reserved
  std::uint8_t rows[16] = {};        // the same
};
static_assert(sizeof(TileConfig) == 64);

}  // namespace synfire::cpu
