// Element-wise work on rows: sums, products, norms, activations, rotations. Included by
// level-inl.hpp only.
#pragma once

#include <hwy/contrib/math/math-inl.h>

namespace synfire::cpu {
namespace {

// Calls full(i) for each whole vector of n elements, then tail(i, left) for what is left.
template <typename Full, typename Tail>
HWY_INLINE void for_vectors(std::uint32_t n, const Full& full, const Tail& tail) {
  std::uint32_t i = 0;
  for (; i + kLanes <= n; i += kLanes) full(i);
  if (i < n) tail(i, n - i);
}

template <typename Row>
void decode_row(const std::byte* row, std::uint32_t, std::uint32_t first, std::uint32_t n,
                float* values) {
  for_vectors(
      n, [&](std::uint32_t i) { hn::StoreU(Row::load(row, first + i), kFloats, values + i); },
      [&](std::uint32_t i, std::uint32_t left) {
        store_first(Row::load_tail(row, first + i, left), left, values + i);
      });
}

void add_rows(const float* a, const float* b, std::uint32_t n, float* y) {
  for_vectors(
      n,
      [&](std::uint32_t i) {
        hn::StoreU(hn::Add(hn::LoadU(kFloats, a + i), hn::LoadU(kFloats, b + i)), kFloats, y + i);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        store_first(hn::Add(load_first(a + i, left), load_first(b + i, left)), left, y + i);
      });
}

void add_scaled_floats(const float* x, float scale, std::uint32_t n, float* acc) {
  const VecF factor = hn::Set(kFloats, scale);
  for_vectors(
      n,
      [&](std::uint32_t i) {
        const VecF sum = hn::LoadU(kFloats, acc + i);
        hn::StoreU(hn::MulAdd(factor, hn::LoadU(kFloats, x + i), sum), kFloats, acc + i);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        const VecF sum = load_first(acc + i, left);
        store_first(hn::MulAdd(factor, load_first(x + i, left), sum), left, acc + i);
      });
}

void scale_row(float factor, std::uint32_t n, float* y) {
  const VecF by = hn::Set(kFloats, factor);
  for_vectors(
      n,
      [&](std::uint32_t i) { hn::StoreU(hn::Mul(hn::LoadU(kFloats, y + i), by), kFloats, y + i); },
      [&](std::uint32_t i, std::uint32_t left) {
        store_first(hn::Mul(load_first(y + i, left), by), left, y + i);
      });
}

// Adds to R rows of C vectors of columns the products with n_x rows that `load(j, c)` gives.
template <int R, int C, typename Load>
HWY_INLINE void combine_columns(std::uint32_t n_x, const float* h, std::size_t h_stride,
                                const Load& load, VecF (&acc)[R][C]) {
  for (std::uint32_t j = 0; j < n_x; ++j) {
    VecF value[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) value[c] = load(j, c);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const VecF factor = hn::Set(kFloats, h[static_cast<std::size_t>(r) * h_stride + j]);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) acc[r][c] = hn::MulAdd(factor, value[c], acc[r][c]);
    }
  }
}

template <int R, int C>
HWY_INLINE void combine_block(const float* x, std::uint32_t n_x, std::uint32_t n, const float* h,
                              std::size_t h_stride, float* out) {
  VecF acc[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c)
      acc[r][c] = hn::LoadU(kFloats, out + static_cast<std::size_t>(r) * n + c * kLanes);
  combine_columns<R, C>(
      n_x, h, h_stride,
      [&](std::uint32_t j, int c) {
        return hn::LoadU(kFloats, x + std::size_t{j} * n + c * kLanes);
      },
      acc);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c)
      hn::StoreU(acc[r][c], kFloats, out + static_cast<std::size_t>(r) * n + c * kLanes);
}

template <int R>
HWY_INLINE void combine_rows(const float* x, std::uint32_t n_x, std::uint32_t n, const float* h,
                             std::size_t h_stride, float* out) {
  std::uint32_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes)
    combine_block<R, 2>(x + i, n_x, n, h, h_stride, out + i);
  for (; i + kLanes <= n; i += kLanes) combine_block<R, 1>(x + i, n_x, n, h, h_stride, out + i);
  if (i == n) return;
  for (int r = 0; r < R; ++r) {
    float* const at = out + static_cast<std::size_t>(r) * n + i;
    VecF acc[1][1] = {{load_first(at, n - i)}};
    combine_columns<1, 1>(
        n_x, h + static_cast<std::size_t>(r) * h_stride, h_stride,
        [&](std::uint32_t j, int) { return load_first(x + std::size_t{j} * n + i, n - i); }, acc);
    store_first(acc[0][0], n - i, at);
  }
}

void combine(const float* x, std::uint32_t n_x, std::uint32_t n, const float* h,
             std::size_t h_stride, std::uint32_t n_rows, float* out) {
  constexpr std::uint32_t kRows = kLanes == 16 ? 8 : 4;
  std::uint32_t r = 0;
  for (; r + kRows <= n_rows; r += kRows)
    combine_rows<kRows>(x, n_x, n, h + r * h_stride, h_stride, out + std::size_t{r} * n);
  for (; r < n_rows; ++r)
    combine_rows<1>(x, n_x, n, h + r * h_stride, h_stride, out + std::size_t{r} * n);
}

void rms_norm(const float* x, const float* weight, std::uint32_t n, float eps, float* y) {
  VecF squares = hn::Zero(kFloats);
  for_vectors(
      n,
      [&](std::uint32_t i) {
        const VecF value = hn::LoadU(kFloats, x + i);
        squares = hn::MulAdd(value, value, squares);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        const VecF value = load_first(x + i, left);
        squares = hn::MulAdd(value, value, squares);
      });
  const float mean = hn::GetLane(hn::SumOfLanes(kFloats, squares)) / static_cast<float>(n);
  const VecF factor = hn::Set(kFloats, 1.0f / __builtin_sqrtf(mean + eps));
  for_vectors(
      n,
      [&](std::uint32_t i) {
        const VecF normed = hn::Mul(hn::LoadU(kFloats, x + i), factor);
        hn::StoreU(hn::Mul(normed, hn::LoadU(kFloats, weight + i)), kFloats, y + i);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        const VecF normed = hn::Mul(load_first(x + i, left), factor);
        store_first(hn::Mul(normed, load_first(weight + i, left)), left, y + i);
      });
}

// Squares of x - mean in a second pass: those of x itself would lose what lies far from 0.
void layer_norm(const float* x, const float* weight, std::uint32_t n, float eps, float* y) {
  VecF sum = hn::Zero(kFloats);
  for_vectors(
      n, [&](std::uint32_t i) { sum = hn::Add(sum, hn::LoadU(kFloats, x + i)); },
      [&](std::uint32_t i, std::uint32_t left) { sum = hn::Add(sum, load_first(x + i, left)); });
  const float mean = hn::GetLane(hn::SumOfLanes(kFloats, sum)) / static_cast<float>(n);
  const VecF middle = hn::Set(kFloats, mean);
  for_vectors(
      n,
      [&](std::uint32_t i) {
        hn::StoreU(hn::Sub(hn::LoadU(kFloats, x + i), middle), kFloats, y + i);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        store_first(hn::Sub(load_first(x + i, left), middle), left, y + i);
      });
  rms_norm(y, weight, n, eps, y);
}

HWY_INLINE VecF relu(VecF x) { return hn::Max(x, hn::Zero(kFloats)); }

HWY_INLINE VecF silu(VecF x) {
  const VecF one = hn::Set(kFloats, 1.0f);
  const VecF minus = hn::Min(hn::Neg(x), hn::Set(kFloats, 88.0f));  // exp stays finite
  return hn::Div(x, hn::Add(one, hn::Exp(kFloats, minus)));
}

HWY_INLINE VecF gelu(VecF x) {
  alignas(64) float lanes[kLanes];
  hn::Store(x, kFloats, lanes);
  for (float& lane : lanes)
    lane = 0.5f * lane * (1.0f + __builtin_erff(lane * 0.70710678118654752f));
  return hn::Load(kFloats, lanes);
}

template <typename Act>
HWY_INLINE void activate_with(const Act& act, const float* gate, const float* up, std::uint32_t n,
                              float* y) {
  for_vectors(
      n,
      [&](std::uint32_t i) {
        const VecF g = act(hn::LoadU(kFloats, gate + i));
        hn::StoreU(up == nullptr ? g : hn::Mul(g, hn::LoadU(kFloats, up + i)), kFloats, y + i);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        const VecF g = act(load_first(gate + i, left));
        store_first(up == nullptr ? g : hn::Mul(g, load_first(up + i, left)), left, y + i);
      });
}

void activate_drelu(const float* gate, const float* up, std::uint32_t n, float* y) {
  for (std::uint32_t i = 0; i < n; ++i) {
    const float g = gate[i] > 0 ? gate[i] : 0;
    y[i] = up == nullptr ? g : g * (up[i] > 0 ? up[i] : 0);
  }
}

void activate(std::uint32_t activation, const float* gate, const float* up, std::uint32_t n,
              float* y) {
  switch (activation) {
    case SF_ACTIVATION_RELU: return activate_with(relu, gate, up, n, y);
    case SF_ACTIVATION_RELU2:
      return activate_with([](VecF x) { return hn::Mul(relu(x), relu(x)); }, gate, up, n, y);
    case SF_ACTIVATION_GELU: return activate_with(gelu, gate, up, n, y);
    case SF_ACTIVATION_DRELU: return activate_drelu(gate, up, n, y);
    default: return activate_with(silu, gate, up, n, y);
  }
}

void rotate_adjacent(const float* x, const float* cosines, const float* sines,
                     std::uint32_t n_pairs, float* y) {
  std::uint32_t i = 0;
  for (; i + kLanes <= n_pairs; i += kLanes) {
    VecF even, odd;
    hn::LoadInterleaved2(kFloats, x + 2 * i, even, odd);
    const VecF c = hn::LoadU(kFloats, cosines + i);
    const VecF s = hn::LoadU(kFloats, sines + i);
    hn::StoreInterleaved2(hn::Sub(hn::Mul(even, c), hn::Mul(odd, s)),
                          hn::Add(hn::Mul(even, s), hn::Mul(odd, c)), kFloats, y + 2 * i);
  }
  for (; i < n_pairs; ++i) {
    const float even = x[2 * i];
    const float odd = x[2 * i + 1];
    y[2 * i] = even * cosines[i] - odd * sines[i];
    y[2 * i + 1] = even * sines[i] + odd * cosines[i];
  }
}

void rotate_halves(const float* x, const float* cosines, const float* sines, std::uint32_t n_pairs,
                   float* y) {
  for (std::uint32_t i = 0; i < n_pairs; ++i) {
    const float first = x[i];
    const float second = x[i + n_pairs];
    y[i] = first * cosines[i] - second * sines[i];
    y[i + n_pairs] = first * sines[i] + second * cosines[i];
  }
}

void to_f16(const float* x, std::uint32_t n, std::uint16_t* y) {
  const hn::Rebind<hwy::float16_t, Floats> halves;
  auto* const out = reinterpret_cast<hwy::float16_t*>(y);
  for_vectors(
      n,
      [&](std::uint32_t i) {
        hn::StoreU(hn::DemoteTo(halves, hn::LoadU(kFloats, x + i)), halves, out + i);
      },
      [&](std::uint32_t i, std::uint32_t left) {
        alignas(64) hwy::float16_t lanes[kLanes];
        hn::Store(hn::DemoteTo(halves, load_first(x + i, left)), halves, lanes);
        __builtin_memcpy(out + i, lanes, left * sizeof(hwy::float16_t));
      });
}

std::uint32_t above(const float* scores, std::uint32_t n, float threshold, std::uint32_t first,
                    std::uint32_t* ids) {
  const hn::RebindToUnsigned<Floats> numbers;
  const VecF limit = hn::Set(kFloats, threshold);
  std::uint32_t found = 0;
  std::uint32_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const auto hit = hn::RebindMask(numbers, hn::Gt(hn::LoadU(kFloats, scores + i), limit));
    // The whole vector, over ids that are not there yet: storing only what is compressed takes
    // Zen 4 a hundred cycles.
    hn::StoreU(hn::Compress(hn::Iota(numbers, first + i), hit), numbers, ids + found);
    found += static_cast<std::uint32_t>(hn::CountTrue(numbers, hit));
  }
  for (; i < n; ++i)
    if (scores[i] > threshold) ids[found++] = first + i;
  return found;
}

// Tokens are bits of two vectors of numbers.
void above_by_token(const float* scores, std::size_t stride, std::uint32_t n_tokens,
                    std::uint32_t n, float threshold, std::uint64_t* masks, std::size_t words) {
  const hn::RebindToUnsigned<Floats> numbers;
  const VecF limit = hn::Set(kFloats, threshold);
  for (std::uint32_t i = 0; i < n; i += kLanes) {
    const std::uint32_t left = n - i < kLanes ? n - i : kLanes;
    auto low = hn::Zero(numbers), high = low;
    const auto bit_of = [&](std::uint32_t t) {
      const float* const from = scores + t * stride + i;
      const VecF values = left == kLanes ? hn::LoadU(kFloats, from) : load_first(from, left);
      return hn::IfThenElseZero(hn::RebindMask(numbers, hn::Gt(values, limit)),
                                hn::Set(numbers, std::uint32_t{1} << t % 32));
    };
    for (std::uint32_t t = 0; t < n_tokens && t < 32; ++t) low = hn::Or(low, bit_of(t));
    for (std::uint32_t t = 32; t < n_tokens; ++t) high = hn::Or(high, bit_of(t));
    alignas(64) std::uint32_t lows[kLanes], highs[kLanes];
    hn::Store(low, numbers, lows);
    hn::Store(high, numbers, highs);
    for (std::uint32_t lane = 0; lane < left; ++lane)
      masks[(i + lane) * words] = lows[lane] | std::uint64_t{highs[lane]} << 32;
  }
}

std::uint64_t read_memory(const std::byte* memory, std::size_t bytes) {
  const hn::ScalableTag<std::uint64_t> words;
  const std::size_t step = hn::Lanes(words) * sizeof(std::uint64_t);
  auto sum0 = hn::Zero(words), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  const auto load = [&](std::size_t at) {
    return hn::LoadU(words, reinterpret_cast<const std::uint64_t*>(memory + at));
  };
  for (std::size_t at = 0; at + 4 * step <= bytes; at += 4 * step) {
    sum0 = hn::Add(sum0, load(at));
    sum1 = hn::Add(sum1, load(at + step));
    sum2 = hn::Add(sum2, load(at + 2 * step));
    sum3 = hn::Add(sum3, load(at + 3 * step));
  }
  alignas(64) std::uint64_t lanes[HWY_LANES(std::uint64_t)];
  hn::Store(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)), words, lanes);
  std::uint64_t sum = 0;
  for (const std::uint64_t lane : lanes) sum += lane;
  return sum;
}

}  // namespace
}  // namespace synfire::cpu
