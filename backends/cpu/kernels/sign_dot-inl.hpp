// Dot products of rows of signs, one bit each in packed order, with 8-bit activations. Included by
// level-inl.hpp only.
//
// For every unit: the quants with their signs applied, summed by block as integers, then one fused
// multiply-add for the 8 blocks, units in rising order.
#pragma once

namespace synfire::cpu {
namespace {

constexpr std::uint32_t kSignRows = 4;  // rows at once: each has one accumulator

template <std::uint32_t R>
HWY_INLINE void sign_rows(const std::byte* rows, std::size_t stride, std::uint32_t n_units,
                          const std::int8_t* quants, const float* scales, float* out) {
  VecF acc[R];
#pragma GCC unroll 4
  for (std::uint32_t r = 0; r < R; ++r) acc[r] = hn::Zero(kFloats);
  for (std::uint32_t unit = 0; unit < n_units; ++unit) {
    const std::int8_t* const x = quants + std::size_t{unit} * kUnit;
    const VecF scale = for_lanes(_mm256_loadu_ps(scales + std::size_t{unit} * 8));
#pragma GCC unroll 4
    for (std::uint32_t r = 0; r < R; ++r) {
      const std::byte* const bits = rows + r * stride + std::size_t{unit} * (kUnit / 8);
      VecI sum = no_ints();
      for_indices<kVectors>([&](auto v) {
        sum = add_signed(sum, load_ints(x + v.value * kIntBytes), bits + v.value * (kIntBytes / 8));
      });
      acc[r] = hn::MulAdd(to_floats(sum), scale, acc[r]);
    }
  }
#pragma GCC unroll 4
  for (std::uint32_t r = 0; r < R; ++r) out[r] = hn::GetLane(hn::SumOfLanes(kFloats, acc[r]));
}

void sign_dot(const std::byte* rows, std::size_t stride, std::uint32_t n_rows,
              std::uint32_t n_units, const std::int8_t* quants, const float* scales, float* out) {
  std::uint32_t r = 0;
  for (; r + kSignRows <= n_rows; r += kSignRows)
    sign_rows<kSignRows>(rows + r * stride, stride, n_units, quants, scales, out + r);
  for (; r < n_rows; ++r) sign_rows<1>(rows + r * stride, stride, n_units, quants, scales, out + r);
}

}  // namespace
}  // namespace synfire::cpu
