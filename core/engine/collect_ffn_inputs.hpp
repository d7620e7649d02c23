#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "core/sparsity/ffn_inputs.hpp"

namespace synfire {

// Runs windows of tokens, each a sequence of its own, through an engine whose tap is
// SF_TAP_FFN_INPUT, and gives what every layer's FFN saw. Every fourth window is held out: it takes
// no part in moments and calibration. `progress` hears of each window that is done. At least four
// windows.
[[nodiscard]] Result<std::vector<FfnInputs>> collect_ffn_inputs(
    Engine& engine, std::span<const std::vector<std::int32_t>> windows,
    const std::function<void(std::size_t)>& progress);

}  // namespace synfire
