#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/base/result.hpp"
#include "core/model/convert/model_plan.hpp"

namespace synfire::convert {

// The dtype that a planned tensor gets: vectors are F32, matrices as wanted, or as their source
// where nothing is.
[[nodiscard]] DType dtype_of(const PlannedTensor& tensor, std::optional<DType> wanted);

// The tensor's bytes in that dtype, in parts of a megabyte or so, in order. An error for a value
// that is not finite, in the source or once it is rounded to the dtype.
Status for_each_part(const PlannedTensor& tensor, DType dtype,
                     const std::function<Status(std::span<const std::byte>)>& take);

}  // namespace synfire::convert
