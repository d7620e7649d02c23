#pragma once

#include "core/base/option_values.hpp"
#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

// From the options of a command to an engine.
namespace synfire::cli {

// What is wrong with the engine's options taken together; for check_X().
[[nodiscard]] Status check_engine_options(const OptionValues& values);
[[nodiscard]] Result<EngineConfig> engine_config(const OptionValues& values);
// Engine::make of it.
[[nodiscard]] Result<std::unique_ptr<Engine>> open_engine(const OptionValues& values);
// Engine::make, showing on stderr how far it is when that takes long.
[[nodiscard]] Result<std::unique_ptr<Engine>> open_engine(EngineConfig config);

// On stderr: the model, which devices do what, the predictor, the context.
void describe_engine(const Engine& engine);

}  // namespace synfire::cli
