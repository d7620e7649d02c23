#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/runtime/stage_plan.hpp"

// Parts of matrices, named as NumPy would: "blk.0.attn_q.weight[0:64]" are rows,
// "blk.0.attn_output.weight[:, 0:64]" columns. Views of what they are cut from.
namespace synfire {

[[nodiscard]] WeightUpload slice_rows(const WeightUpload& whole, std::uint64_t first,
                                      std::uint64_t end);

// `first` lies on a quantization block, and so does `end` unless it is the row's.
[[nodiscard]] WeightUpload slice_columns(const WeightUpload& whole, std::uint64_t first,
                                         std::uint64_t end);

// Elements [first, end) of a vector: of a bias.
[[nodiscard]] WeightUpload slice_vector(const WeightUpload& whole, std::uint64_t first,
                                        std::uint64_t end);

// A copy of the rows, one after the other.
[[nodiscard]] std::vector<std::byte> packed_rows(const WeightUpload& upload);

}  // namespace synfire
