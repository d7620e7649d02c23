#pragma once

#include "core/base/command.hpp"

namespace synfire {

// Commands that build an engine, and those that sample.
inline constexpr CommandSet kEngineCommands = Command::run | Command::serve | Command::verify |
                                              Command::bench | Command::perplexity |
                                              Command::profile | Command::predictor | Command::plan;
inline constexpr CommandSet kSamplingCommands = Command::run | Command::generate;
inline constexpr CommandSet kAllCommands = kEngineCommands | kSamplingCommands | Command::tokenize |
                                           Command::inspect | Command::convert | Command::quantize |
                                           Command::synth | Command::devices | Command::plugins;

}  // namespace synfire
