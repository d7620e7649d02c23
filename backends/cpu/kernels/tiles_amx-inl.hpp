// The tile registers of a processor with AMX.
//
// What kernels know of tiles is this class; tests put one in its place that any processor runs
// (tests/support/tiles_backend/software_tiles-inl.hpp). Inline assembly, so that no unit is
// compiled for AMX, and since LDTILECFG must see its operand as memory, which the intrinsic of g++
// 12 forgets.
//
// Tiles are volatile state that the compiler knows nothing of: nothing here may move, and a kernel
// leaves none behind (TileSession). A signal handler sees them saved, as any register.
#pragma once

#include <cstddef>

#include "backends/cpu/kernels/tile_config.hpp"

namespace synfire::cpu {
namespace {

struct AmxTiles {
  [[gnu::always_inline]] static void configure(const TileConfig& config) {
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
  }
  // Back to the state in which the system has nothing to save.
  [[gnu::always_inline]] static void release() { __asm__ volatile("tilerelease"); }

  template <int Tile>
  [[gnu::always_inline]] static void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(Tile));
  }
  // Rows at a stride in bytes. What they are depends on the configuration, so: any memory.
  template <int Tile>
  [[gnu::always_inline]] static void load(const void* from, std::size_t stride) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2"
                     :
                     : "r"(from), "r"(stride), "i"(Tile)
                     : "memory");
  }
  template <int Tile>
  [[gnu::always_inline]] static void store(void* to, std::size_t stride) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)"
                     :
                     : "r"(to), "r"(stride), "i"(Tile)
                     : "memory");
  }

  // sum[m, n] += sum over k and i < 4 of a[m, 4 k + i] * b[k, 4 n + i]: bytes, signed (s) or not
  // (u), into 32-bit integers that wrap around. Three different registers.
  template <int Sum, int A, int B>
  [[gnu::always_inline]] static void multiply_ss() {
    __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(A), "i"(B));
  }
  template <int Sum, int A, int B>
  [[gnu::always_inline]] static void multiply_su() {
    __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(A), "i"(B));
  }
  template <int Sum, int A, int B>
  [[gnu::always_inline]] static void multiply_us() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(A), "i"(B));
  }
  template <int Sum, int A, int B>
  [[gnu::always_inline]] static void multiply_uu() {
    __asm__ volatile("tdpbuud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(A), "i"(B));
  }
  // The same of pairs of bfloat16, into floats: even and odd elements in a chain of FMAs each from
  // k = 0 on, their sum then added. Rounds to nearest even; denormals are zeros, in and out.
  template <int Sum, int A, int B>
  [[gnu::always_inline]] static void multiply_bf16() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(A), "i"(B));
  }
};

}  // namespace
}  // namespace synfire::cpu
