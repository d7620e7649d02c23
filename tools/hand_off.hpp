#pragma once

#include "core/base/result.hpp"

namespace synfire::cli {

// Seconds from before one actor sends a step's message until another one, on a thread of its own
// that polls as device threads do, receives it: the median of some thousand, while both are busy.
[[nodiscard]] Result<double> measure_hand_off();

}  // namespace synfire::cli
