// Tile registers in memory: what the instructions do, after "Intel 64 and IA-32 Architectures
// Software Developer's Manual", volume 2, and when they fault. For units compiled for any SIMD
// level: all of it is local to the unit that includes it.
//
// One deviation: a product that only rounding lifts out of the denormals counts as normal.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/kernels/tile_config.hpp"
#include "tests/support/tiles_backend/tile_fault.hpp"

namespace synfire::cpu {
namespace {

struct TileState {
  TileConfig config{.palette = 0};  // 0: not configured
  std::uint8_t tiles[8][16][64] = {};
  std::uint64_t products = 0;  // since the thread began
};

// Each thread has its own, as it has registers.
constinit thread_local TileState tile_state;

struct SoftwareTiles {
  static void configure(const TileConfig& config) {
    if (config.palette > 1) tile_fault("LDTILECFG: palette");
    for (const std::uint8_t byte : config.reserved)
      if (byte != 0) tile_fault("LDTILECFG: reserved bytes");
    for (int tile = 0; tile < 16; ++tile) {
      const unsigned rows = config.rows[tile], bytes = config.row_bytes[tile];
      if (tile >= 8 && (rows != 0 || bytes != 0)) tile_fault("LDTILECFG: reserved tiles");
      if (rows > 16) tile_fault("LDTILECFG: rows");
      if (bytes > 64) tile_fault("LDTILECFG: bytes of a row");
      if ((rows == 0) != (bytes == 0)) tile_fault("LDTILECFG: a tile of rows or bytes alone");
    }
    tile_state.config = config;
    __builtin_memset(tile_state.tiles, 0, sizeof tile_state.tiles);
  }
  static void release() {
    tile_state.config = {.palette = 0};
    __builtin_memset(tile_state.tiles, 0, sizeof tile_state.tiles);
  }

  template <int Tile>
  static void zero() {
    check(Tile);
    __builtin_memset(tile_state.tiles[Tile], 0, sizeof tile_state.tiles[Tile]);
  }
  template <int Tile>
  static void load(const void* from, std::size_t stride) {
    zero<Tile>();  // what a tile does not have is zeros
    for (unsigned row = 0; row < rows(Tile); ++row)
      __builtin_memcpy(tile_state.tiles[Tile][row], static_cast<const char*>(from) + row * stride,
                       bytes(Tile));
  }
  template <int Tile>
  static void store(void* to, std::size_t stride) {
    check(Tile);
    for (unsigned row = 0; row < rows(Tile); ++row)
      __builtin_memcpy(static_cast<char*>(to) + row * stride, tile_state.tiles[Tile][row],
                       bytes(Tile));
  }

  template <int Sum, int A, int B>
  static void multiply_ss() {
    multiply_bytes<std::int8_t, std::int8_t>(Sum, A, B);
  }
  template <int Sum, int A, int B>
  static void multiply_su() {
    multiply_bytes<std::int8_t, std::uint8_t>(Sum, A, B);
  }
  template <int Sum, int A, int B>
  static void multiply_us() {
    multiply_bytes<std::uint8_t, std::int8_t>(Sum, A, B);
  }
  template <int Sum, int A, int B>
  static void multiply_uu() {
    multiply_bytes<std::uint8_t, std::uint8_t>(Sum, A, B);
  }

  template <int Sum, int A, int B>
  static void multiply_bf16() {
    check_product(Sum, A, B);
    float right[16][2][16];  // word, even or odd, column: what a tile does not have is zeros
    for (unsigned k = 0; k < 16; ++k)
      for (unsigned i = 0; i < 32; ++i) right[k][i % 2][i / 2] = half(B, k, i);
    for (unsigned m = 0; m < rows(A); ++m) {
      float chains[2][16] = {};
      for (unsigned k = 0; k < rows(B); ++k)
        for (unsigned odd = 0; odd < 2; ++odd) {
          const float left = half(A, m, 2 * k + odd);
          for (unsigned n = 0; n < 16; ++n)
            chains[odd][n] = flushed(__builtin_fmaf(left, right[k][odd][n], chains[odd][n]));
        }
      float sums[16];
      __builtin_memcpy(sums, tile_state.tiles[Sum][m], sizeof sums);
      for (unsigned n = 0; n < bytes(B) / 4; ++n)
        sums[n] = flushed(flushed(sums[n]) + flushed(chains[0][n] + chains[1][n]));
      __builtin_memcpy(tile_state.tiles[Sum][m], sums, sizeof sums);
    }
  }

 private:
  static unsigned rows(int tile) { return tile_state.config.rows[tile]; }
  static unsigned bytes(int tile) { return tile_state.config.row_bytes[tile]; }

  static void check(int tile) {
    if (tile_state.config.palette == 0) tile_fault("tiles are not configured");
    if (rows(tile) == 0) tile_fault("a tile that the configuration lacks");
    if (bytes(tile) % 4 != 0) tile_fault("rows that are no words");
    if (tile_state.config.start_row != 0)
      tile_fault("a start row");  // only the system restarts some
  }
  static void check_product(int sum, int a, int b) {
    check(sum), check(a), check(b);
    if (sum == a || sum == b || a == b) tile_fault("a product of the same tiles");
    if (rows(sum) != rows(a)) tile_fault("rows of sums and of left factors");
    if (bytes(sum) != bytes(b)) tile_fault("columns of sums and of right factors");
    if (bytes(a) / 4 != rows(b)) tile_fault("columns of left and rows of right factors");
    ++tile_state.products;
  }

  template <typename Left, typename Right>
  static void multiply_bytes(int sum, int a, int b) {
    check_product(sum, a, b);
    std::int32_t right[16][4][16];  // word, byte, column: what a tile does not have is zeros
    for (unsigned k = 0; k < 16; ++k)
      for (unsigned i = 0; i < 64; ++i)
        right[k][i % 4][i / 4] = static_cast<Right>(tile_state.tiles[b][k][i]);
    for (unsigned m = 0; m < rows(a); ++m) {
      std::uint32_t sums[16];
      __builtin_memcpy(sums, tile_state.tiles[sum][m], sizeof sums);
      for (unsigned i = 0; i < 4 * rows(b); ++i) {
        const std::int32_t left = static_cast<Left>(tile_state.tiles[a][m][i]);
        for (unsigned n = 0; n < 16; ++n)
          sums[n] += static_cast<std::uint32_t>(left * right[i / 4][i % 4][n]);
      }
      __builtin_memcpy(tile_state.tiles[sum][m], sums, sizeof sums);
    }
  }

  // DAZ and FTZ.
  static float flushed(float value) {
    return __builtin_fabsf(value) < __FLT_MIN__ ? __builtin_copysignf(0.0f, value) : value;
  }
  static float half(int tile, unsigned row, unsigned i) {
    std::uint16_t bits;
    __builtin_memcpy(&bits, tile_state.tiles[tile][row] + 2 * i, 2);
    const std::uint32_t word = std::uint32_t{bits} << 16;
    float value;
    __builtin_memcpy(&value, &word, 4);
    return flushed(value);
  }
};

}  // namespace
}  // namespace synfire::cpu
