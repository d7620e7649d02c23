#pragma once

#include <string>
#include <vector>

#include "core/engine/assets.hpp"
#include "core/engine/engine.hpp"

namespace synfire {

// The dtype that most weight bytes of a file have.
[[nodiscard]] std::string main_dtype(const GgufFile& file);

// What an engine says of itself that does not change while it lives.
[[nodiscard]] ModelInfo model_info(const EngineAssets& assets);
[[nodiscard]] std::vector<PluginStatus> plugin_statuses(const EngineAssets& assets);
[[nodiscard]] PlacementInfo placement_info(const EngineAssets& assets);

}  // namespace synfire
