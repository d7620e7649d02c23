// What the dot kernels need to know of each block format. Included by level-inl.hpp only.
//
// A format reads one block of 32 elements of kRowLanes rows at once: weights(rows, block, r) gives
// the quants of vector r (0..7) as the level's dot wants them, kZero above their true value. The
// row's value of the block is scales() * (integer dot) + minimums() * (sum of the activations).
#pragma once

namespace synfire::cpu {
namespace {

struct Q8Format {
  static constexpr bool kHasMinimum = false, kHasParts = false;
  static constexpr std::int32_t kZero = kQ8Zero;
  static constexpr std::size_t kBytes = 34, kStride = kBytes;
  HWY_INLINE static VecI weights(const std::byte* const* rows, std::uint32_t block, int r) {
    return load_q8(rows, r, block * kBytes + 2);
  }
  HWY_INLINE static VecF scales(const std::byte* const* rows, std::uint32_t block) {
    return load_f16_of_rows(rows, block * kBytes);
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI quants) { return dot_add_q8(sum, w, quants); }
};

struct Q4Format {
  static constexpr bool kHasMinimum = false, kHasParts = false;
  static constexpr std::int32_t kZero = 8;
  static constexpr std::size_t kBytes = 18, kStride = kBytes;
  HWY_INLINE static VecI weights(const std::byte* const* rows, std::uint32_t block, int r) {
    return load_nibbles(rows, r, block * kBytes + 2);
  }
  HWY_INLINE static VecF scales(const std::byte* const* rows, std::uint32_t block) {
    return load_f16_of_rows(rows, block * kBytes);
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI quants) { return dot_add(sum, w, quants); }
};

struct Q41Format {
  static constexpr bool kHasMinimum = true, kHasParts = false;
  static constexpr std::int32_t kZero = 0;
  static constexpr std::size_t kBytes = 20, kStride = kBytes;
  HWY_INLINE static VecI weights(const std::byte* const* rows, std::uint32_t block, int r) {
    return load_nibbles(rows, r, block * kBytes + 4);
  }
  HWY_INLINE static VecF scales(const std::byte* const* rows, std::uint32_t block) {
    return load_f16_of_rows(rows, block * kBytes);
  }
  HWY_INLINE static VecF minimums(const std::byte* const* rows, std::uint32_t block) {
    return load_f16_of_rows(rows, block * kBytes + 2);
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI quants) { return dot_add(sum, w, quants); }
};

// A block here is an eighth of the format's superblock of 256; its two parts of 16 elements have
// integer scales of their own.
struct Q6Format {
  static constexpr bool kHasMinimum = false, kHasParts = true;
  static constexpr std::int32_t kZero = 32;
  static constexpr std::size_t kBytes = 210, kStride = 27;  // kStride: per 32 elements
  static constexpr std::size_t kHigh = 128, kScales = 192, kD = 208;

  HWY_INLINE static std::size_t start(std::uint32_t block) { return block / 8 * kBytes; }
  HWY_INLINE static VecI weights(const std::byte* const* rows, std::uint32_t block, int r) {
    const std::uint32_t half = block / 4 % 2;  // of the superblock; 4 quarters of 32 each
    const int quarter = static_cast<int>(block % 4);
    const std::size_t low = start(block) + half * 64 + static_cast<std::size_t>(quarter % 2 * 32);
    const std::size_t high = start(block) + kHigh + half * 32;
    return load_sixes(rows, r, low, quarter / 2 * 4, high, quarter * 2);
  }
  HWY_INLINE static VecF scales(const std::byte* const* rows, std::uint32_t block) {
    return load_f16_of_rows(rows, start(block) + kD);
  }
  HWY_INLINE static VecI part_scales(const std::byte* const* rows, std::uint32_t block, int part) {
    return load_i8_of_rows(rows,
                           start(block) + kScales + block % 8 * 2 + static_cast<std::size_t>(part));
  }
  HWY_INLINE static VecI dot(VecI sum, VecI w, VecI quants) { return dot_add(sum, w, quants); }
};

}  // namespace
}  // namespace synfire::cpu
