#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include "core/base/option_values.hpp"
#include "core/engine/engine.hpp"

namespace synfire::cli {

// Runs one request to its end; `on_token` is called on the caller's thread. A stop request cancels
// it: then the result is its FinishEvent with FinishReason::cancelled. An error is what the engine
// refused, or how the request failed.
Result<FinishEvent> generate_in_process(Engine& engine, GenerateRequest request,
                                        const std::stop_token& stop,
                                        const std::function<void(const TokenEvent&)>& on_token);

// The request that the options of `run` and `generate` describe, without its prompt.
[[nodiscard]] GenerateRequest request_from_options(const OptionValues& values);

[[nodiscard]] std::string_view to_string(FinishReason reason);

// On stderr: tokens, time to first token, tokens per second.
void describe_timings(const FinishEvent& finish);

}  // namespace synfire::cli
