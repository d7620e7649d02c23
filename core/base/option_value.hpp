#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/device_spec.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/logit_bias.hpp"
#include "core/base/option.hpp"
#include "core/base/result.hpp"

namespace synfire {

using OptionValue =
    std::variant<bool, std::int64_t, std::uint64_t, double, std::string, std::vector<std::string>,
                 std::vector<std::int32_t>, std::vector<LogitBias>, Duration,
                 std::vector<DeviceSpec>, Endpoint>;

// Reads `text` as the option's type says and checks its bounds and choices. The error is
// "got '1.5', want a number from 0 to 1", without the option's name.
[[nodiscard]] Result<OptionValue> parse_option(const Option& option, std::string_view text);

// What the option takes: "a number from 0 to 1", for errors and --help.
[[nodiscard]] std::string wanted(const Option& option);

}  // namespace synfire
