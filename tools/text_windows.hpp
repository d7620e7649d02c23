#pragma once

#include <cstdint>
#include <vector>

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

using Windows = std::vector<std::vector<std::int32_t>>;

// `wanted` tokens of the text of --file, or random ones without it, as windows that an engine can
// observe: at least eight.
[[nodiscard]] Result<Windows> text_windows(const Engine& engine, const OptionValues& values,
                                           std::uint64_t wanted);

}  // namespace synfire::cli
