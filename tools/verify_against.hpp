#pragma once

#include <vector>

#include "tools/verify_check.hpp"

namespace synfire::cli {

// Runs the model on --device, greedily from the beginning of a text, and then the same tokens on
// --against; compares their logits at every position.
[[nodiscard]] Result<std::vector<Check>> compare_devices(const OptionValues& values);

}  // namespace synfire::cli
