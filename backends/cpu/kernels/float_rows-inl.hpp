// Float vectors and how rows of float dtypes become them. Included by level-inl.hpp only.
#pragma once

#include <hwy/highway.h>
#include <immintrin.h>

namespace synfire::cpu {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using VecF = hn::Vec<Floats>;
constexpr Floats kFloats;
constexpr std::uint32_t kLanes = HWY_LANES(float);

HWY_INLINE VecF load_first(const float* from, std::uint32_t n) {
  return hn::MaskedLoad(hn::FirstN(kFloats, n), kFloats, from);
}
HWY_INLINE void store_first(VecF value, std::uint32_t n, float* to) {
  hn::BlendedStore(value, hn::FirstN(kFloats, n), kFloats, to);
}

// load(row, i): elements i .. i + kLanes - 1. load_tail: the first n of them, zeros after.
struct F32Row {
  static constexpr std::uint32_t kBytes = 4;  // of an element
  HWY_INLINE static VecF load(const std::byte* row, std::size_t i) {
    return hn::LoadU(kFloats, reinterpret_cast<const float*>(row) + i);
  }
  HWY_INLINE static VecF load_tail(const std::byte* row, std::size_t i, std::uint32_t n) {
    return load_first(reinterpret_cast<const float*>(row) + i, n);
  }
};

template <typename Half>
struct HalfRow {
  static constexpr std::uint32_t kBytes = 2;
  using Halves = hn::Rebind<Half, Floats>;
  HWY_INLINE static VecF load(const std::byte* row, std::size_t i) {
    return hn::PromoteTo(kFloats, hn::LoadU(Halves(), reinterpret_cast<const Half*>(row) + i));
  }
  HWY_INLINE static VecF load_tail(const std::byte* row, std::size_t i, std::uint32_t n) {
    alignas(64) std::byte padded[kLanes * sizeof(Half)] = {};
    __builtin_memcpy(padded, row + i * sizeof(Half), n * sizeof(Half));
    return load(padded, 0);
  }
};
using F16Row = HalfRow<hwy::float16_t>;
using Bf16Row = HalfRow<hwy::bfloat16_t>;

}  // namespace
}  // namespace synfire::cpu
