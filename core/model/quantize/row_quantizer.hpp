#pragma once

#include <cstddef>
#include <cstdint>

#include "plugins/sdk/dtype.hpp"

namespace synfire::quantize {

// What the search is compiled for. All give the same bits.
enum class SearchLevel : std::uint8_t { baseline, avx2 };
[[nodiscard]] SearchLevel best_search_level();

// As synfire::quantize_row, with scales searched for the least square error in Q8_0, Q4_0, Q4_K and
// Q6_K: no block's error is larger than the plain codec's. Finite values; where a scale is too
// large for f16, the row decodes to what is not finite. False (and nothing written) for a dtype
// that is no weight's.
bool quantize_row_closely(DType dtype, const float* values, std::size_t n, std::byte* row,
                          SearchLevel level = best_search_level());

}  // namespace synfire::quantize
