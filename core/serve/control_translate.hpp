#pragma once

#include <vector>

#include "core/engine/engine.hpp"
#include "synfire/v1/synfire.pb.h"

// What the engine says about itself, as messages of the Control service, and back for the client.
namespace synfire {

[[nodiscard]] v1::GetModelInfoResponse to_proto(const ModelInfo& model);
[[nodiscard]] v1::ListDevicesResponse to_proto(const std::vector<DeviceStatus>& devices);
[[nodiscard]] v1::ListPluginsResponse to_proto(const std::vector<PluginStatus>& plugins);
[[nodiscard]] v1::GetPlacementResponse to_proto(const PlacementInfo& placement);
[[nodiscard]] v1::GetStatsResponse to_proto(const EngineStats& stats);

[[nodiscard]] ModelInfo from_proto(const v1::GetModelInfoResponse& model);

}  // namespace synfire
