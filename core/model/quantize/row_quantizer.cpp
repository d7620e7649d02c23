#include "core/model/quantize/row_quantizer.hpp"

#include "core/model/quantize/flat_search.hpp"
#include "core/model/quantize/q4_k_search.hpp"
#include "core/model/quantize/q6_k_search.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire::quantize {
namespace {

// Squares of larger values leave float's range. No scale of f16 reaches them: the plain codec's is
// infinite, as it should be, where the search would find a poor but finite one.
constexpr float kLargest = 1e15F;

bool encode_row(DType dtype, const float* values, std::size_t n, std::byte* row) {
  const DTypeInfo& info = dtype_info(dtype);
  const auto each = [&](auto encode) {
    for (std::size_t i = 0; i < n; i += info.block_size, row += info.block_bytes) {
      const float* const block = values + i;
      if (block_codec::extremes(block, info.block_size).magnitude() < kLargest)
        encode(block, row);
      else
        quantize_row(dtype, block, info.block_size, row);
    }
    return true;
  };
  switch (dtype) {
    case DType::q8_0: return each([](auto... block) { encode_q8_0(block...); });
    case DType::q4_0: return each([](auto... block) { encode_q4_0(block...); });
    case DType::q4_k: return each([](auto... block) { Q4KSearch::encode(block...); });
    case DType::q6_k: return each([](auto... block) { Q6KSearch::encode(block...); });
    default: return quantize_row(dtype, values, n, row);
  }
}

// The same code, and all that it calls, in wider vectors: -ffp-contract=off leaves it no other bit.
#if defined(__x86_64__)
[[gnu::target("avx2"), gnu::flatten]] bool encode_row_avx2(DType dtype, const float* values,
                                                           std::size_t n, std::byte* row) {
  return encode_row(dtype, values, n, row);
}
bool has_avx2() { return __builtin_cpu_supports("avx2"); }
#else
bool encode_row_avx2(DType dtype, const float* values, std::size_t n, std::byte* row) {
  return encode_row(dtype, values, n, row);
}
bool has_avx2() { return false; }
#endif

}  // namespace

SearchLevel best_search_level() {
  static const SearchLevel best = has_avx2() ? SearchLevel::avx2 : SearchLevel::baseline;
  return best;
}

bool quantize_row_closely(DType dtype, const float* values, std::size_t n, std::byte* row,
                          SearchLevel level) {
  return (level == SearchLevel::avx2 ? encode_row_avx2 : encode_row)(dtype, values, n, row);
}

}  // namespace synfire::quantize
