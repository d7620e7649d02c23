// Dot products of float rows. Included by level-inl.hpp only.
//
// One accumulator per row and token, elements in rising order: so a value does not depend on how
// many rows and tokens are computed together.
#pragma once

namespace synfire::cpu {
namespace {

// Rows of a single token that are read side by side, and how far ahead they are best fetched: one
// stream of memory is followed best alone, but a chain of additions of 8 lanes is slower than
// memory.
constexpr int kRowsAtOnce = kLanes == 16 ? 1 : 2;
constexpr std::uint32_t kFloatsAhead = kLanes == 16 ? 6144 : 32768;

// Asks for the bytes of a vector of elements of each row, once per cache line.
template <typename Row, int R>
HWY_INLINE void fetch_ahead(const std::byte* const* rows, std::uint32_t i) {
  constexpr std::uint32_t kPerLine = 64 / Row::kBytes;
  if (kPerLine > kLanes && i % kPerLine != 0) return;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) __builtin_prefetch(rows[r] + std::size_t{i} * Row::kBytes, 0, 2);
}

template <typename Row, int R, int T>
HWY_INLINE void dot_block(const std::byte* const* rows, const std::byte* const* next_rows,
                          std::uint32_t cols, const float* const* x, float* out) {
  VecF acc[R][T];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) acc[r][t] = hn::Zero(kFloats);
  std::uint32_t i = 0;
  for (; i + kLanes <= cols; i += kLanes) {
    if (next_rows != nullptr) fetch_ahead<Row, R>(next_rows, i);
    VecF token[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) token[t] = hn::LoadU(kFloats, x[t] + i);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const VecF weight = Row::load(rows[r], i);
#pragma GCC unroll 16
      for (int t = 0; t < T; ++t) acc[r][t] = hn::MulAdd(weight, token[t], acc[r][t]);
    }
  }
  if (i < cols) {
    for (int r = 0; r < R; ++r) {
      const VecF weight = Row::load_tail(rows[r], i, cols - i);
      for (int t = 0; t < T; ++t)
        acc[r][t] = hn::MulAdd(weight, load_first(x[t] + i, cols - i), acc[r][t]);
    }
  }
#pragma GCC unroll 16
  for (int t = 0; t < T; ++t)
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
      out[t * kTileRows + r] = hn::GetLane(hn::SumOfLanes(kFloats, acc[r][t]));
}

template <typename Row, int R, int T>
HWY_INLINE void dot_tokens(const std::byte* const* rows, const std::byte* const* next_rows,
                           std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
                           const std::uint32_t* tokens, float* out) {
  const float* at[T];
  for (int t = 0; t < T; ++t) at[t] = x.values + tokens[t] * x.stride;
  std::uint32_t r = 0;
  for (; r + R <= n_rows; r += R)
    dot_block<Row, R, T>(rows + r, next_rows == nullptr ? nullptr : next_rows + r, cols, at,
                         out + r);
  for (; r < n_rows; ++r)
    dot_block<Row, 1, T>(rows + r, next_rows == nullptr ? nullptr : next_rows + r, cols, at,
                         out + r);
}

template <typename Row>
void dot_float(const std::byte* const* rows, const std::byte* const* next_rows,
               std::uint32_t n_rows, std::uint32_t cols, const Activations& x,
               const std::uint32_t* tokens, std::uint32_t n_tokens, float* out) {
  constexpr std::uint32_t kTokens =
      kLanes == 16 ? 4 : 2;  // as many accumulators as registers allow
  std::uint32_t t = 0;
  for (; t + kTokens <= n_tokens; t += kTokens)
    dot_tokens<Row, 4, kTokens>(rows, t == 0 ? next_rows : nullptr, n_rows, cols, x, tokens + t,
                                out + t * kTileRows);
  if (n_tokens == 1)
    return dot_tokens<Row, kRowsAtOnce, 1>(rows, next_rows, n_rows, cols, x, tokens, out);
  for (; t < n_tokens; ++t)  // rows that a cache holds by now
    dot_tokens<Row, 8, 1>(rows, t == 0 ? next_rows : nullptr, n_rows, cols, x, tokens + t,
                          out + t * kTileRows);
}

}  // namespace
}  // namespace synfire::cpu
