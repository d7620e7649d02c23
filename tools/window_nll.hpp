#pragma once

#include <cstdint>
#include <span>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

// The negative log-likelihood of a window's tokens but the first, summed.
[[nodiscard]] Result<double> window_nll(Engine& engine, std::span<const std::int32_t> window);

}  // namespace synfire::cli
