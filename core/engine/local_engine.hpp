#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/actor/supervisor.hpp"
#include "core/engine/assets.hpp"
#include "core/engine/device_host.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/engine_actor.hpp"
#include "core/engine/engine_info.hpp"

namespace synfire {

// The engine of this process: one thread for its actor, one per device.
class LocalEngine final : public Engine {
 public:
  static Result<std::unique_ptr<Engine>> make(const EngineConfig& config);
  ~LocalEngine() override;

  Result<RequestId> submit(GenerateRequest request, std::shared_ptr<RequestSink> sink) override;
  void cancel(RequestId id) override;
  bool drain(Duration limit) override;
  Result<std::vector<float>> logits(std::span<const std::int32_t> tokens) override;
  Status observe(std::span<const std::int32_t> tokens, TapSink& sink) override;

  [[nodiscard]] const Tokenizer* tokenizer() const override { return assets_->tokenizer.get(); }
  [[nodiscard]] ModelInfo model() const override { return model_info(*assets_); }
  [[nodiscard]] std::vector<DeviceStatus> devices() const override;
  [[nodiscard]] std::vector<PluginStatus> plugins() const override {
    return plugin_statuses(*assets_);
  }
  [[nodiscard]] PlacementInfo placement() const override { return placement_info(*assets_); }
  [[nodiscard]] EngineStats stats() const override;

 private:
  // What threads tell each other outside of messages: the state of devices, for those who ask or
  // wait. Outlives the engine in the hands of a device thread that hangs.
  struct Board {
    struct Device {
      bool up = false;
      bool lost = false;  // for good
      std::string reason;
      DeviceCounts counts;  // after the last step
    };
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::vector<Device> devices;
    std::atomic<bool> started = false;  // all devices were up once: from now on they are restarted
  };

  LocalEngine(const EngineConfig& config, std::shared_ptr<EngineAssets> assets);
  Status start();
  Status wait_for_devices();
  void spawn_engine_actor();
  void supervise(DeviceId device);
  [[nodiscard]] DeviceActorConfig device_config(DeviceId device) const;
  // For one sequence from position 0.
  [[nodiscard]] Status check_tokens(std::span<const std::int32_t> tokens) const;
  // Takes a place among the active requests, or says why not.
  [[nodiscard]] Status admit();
  void give_place_back();
  Status send(std::unique_ptr<Session> session);

  EngineConfig config_;
  std::shared_ptr<EngineAssets> assets_;
  std::shared_ptr<const Fabric> fabric_;
  std::shared_ptr<EngineCounters> counters_ = std::make_shared<EngineCounters>();
  std::shared_ptr<ComputeTime> compute_time_ = std::make_shared<ComputeTime>();
  std::shared_ptr<Board> board_ = std::make_shared<Board>();
  std::vector<std::shared_ptr<DeviceHost>> hosts_;  // by device
  std::shared_ptr<ThreadExecutor> thread_;
  std::shared_ptr<Supervisor> supervisor_;
  ActorHandle<EngineMessage, EngineControl> actor_;
  TimePoint started_at_;
  std::atomic<RequestId> last_id_ = 0;
  std::atomic<bool> draining_ = false;
};

}  // namespace synfire
