#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/batch_memory.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/model_tensors.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/tokenizer/tokenizer.hpp"
#include "core/runtime/loaded_device.hpp"
#include "core/runtime/predictor_program.hpp"
#include "core/runtime/stage_plan.hpp"
#include "core/sparsity/placement.hpp"
#include "plugins/host/registry.hpp"

namespace synfire {

// A device that the configuration named, or that was chosen.
struct DeviceChoice {
  std::string name;  // "cpu:0[cores=0]"
  host::Backend backend;
  std::uint32_t index;
  host::Options options;
  sf_device_info info;
};

// Everything of an engine that does not move: the model, the plugins, who does what. Immutable once
// prepared; devices borrow from it, so whoever may still be computing holds it.
struct EngineAssets {
  explicit EngineAssets(GgufFile model_file, host::PluginRegistry loaded)
      : file(std::move(model_file)), tensors(file), plugins(std::move(loaded)) {}

  // Whether a device keeps weights of its own, so that the file's pages may go.
  [[nodiscard]] bool packs(DeviceId device) const {
    return (devices[device].info.flags & SF_DEVICE_PACKS) != 0;
  }

  GgufFile file;
  ModelTensors tensors;
  std::unique_ptr<const Tokenizer> tokenizer;  // null: the file has none
  Program program;
  host::PluginRegistry plugins;
  std::vector<DeviceChoice> devices;
  PlacementKind placement_kind = PlacementKind::single;
  Placement placement;
  std::optional<GgufFile> sidecar;           // of the predictor; null: it has none
  std::optional<host::Predictor> predictor;  // keeps the weights of predictor_program
  PredictorProgram predictor_program;
  ExecutionPlan plan;
  std::uint32_t context = 0;  // tokens per sequence
  KvShape kv{};
  BatchLimits limits;
  // Of the weights of all devices; see EngineConfig::on_load.
  mutable std::atomic<std::uint64_t> loaded_bytes = 0;
  std::uint64_t all_bytes = 0;
  std::function<void(std::uint64_t done, std::uint64_t all)> on_load;
};

// Reads, checks and plans everything that the configuration says; opens no device.
[[nodiscard]] Result<std::shared_ptr<EngineAssets>> prepare_assets(const EngineConfig& config);

// The devices that the configuration names, or the best there is.
[[nodiscard]] Result<std::vector<DeviceChoice>> choose_devices(const host::PluginRegistry& plugins,
                                                               const EngineConfig& config);

// Bytes of the device's KV blocks.
[[nodiscard]] std::uint64_t kv_bytes(const EngineAssets& assets, DeviceId device);
// With what a device may add to them: what must have room.
[[nodiscard]] std::uint64_t most_kv_bytes(const EngineAssets& assets, DeviceId device);
// Bytes of the weights and neurons that the device computes with, views of the file included.
[[nodiscard]] std::uint64_t weight_bytes(const EngineAssets& assets, DeviceId device);

}  // namespace synfire
