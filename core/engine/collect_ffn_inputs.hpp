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
// SF_TAP_FFN_INPUT or SF_TAP_FFN_RESIDUAL, and gives what the tap saw of every layer. Every fourth
// window is held out: it takes no part in moments and calibration. Moments cost d_model^2 floats
// per layer. `progress` hears of each window that is done. At least four windows.
[[nodiscard]] Result<std::vector<FfnInputs>> collect_ffn_inputs(
    Engine& engine, std::span<const std::vector<std::int32_t>> windows, bool with_moments,
    const std::function<void(std::size_t)>& progress, const FfnRowLimits& limits = {});

// The windows that it holds out of those.
[[nodiscard]] std::vector<std::vector<std::int32_t>> held_out(
    std::span<const std::vector<std::int32_t>> windows);

}  // namespace synfire
