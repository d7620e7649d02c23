#pragma once

#include <cstdint>

#include "core/model/quantize/quantize_plan.hpp"

namespace synfire::quantize {

// Rows [first, end) of a planned tensor as floats.
void read_rows(const PlannedTensor& tensor, std::uint64_t first, std::uint64_t end, float* out);

// The bytes of the source that these rows are; of a transposed one all of it.
[[nodiscard]] std::span<const std::byte> source_bytes(const PlannedTensor& tensor,
                                                      std::uint64_t first, std::uint64_t end);

}  // namespace synfire::quantize
