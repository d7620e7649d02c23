#include "tests/unit/engine/manual_devices.hpp"

#include <stdexcept>
#include <utility>

#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"

namespace synfire::test {

std::shared_ptr<const EngineAssets> tiny_assets(std::string_view devices,
                                                const std::function<void(EngineConfig&)>& change,
                                                const TinyShape& shape) {
  const TempDir folder;
  const std::filesystem::path path = folder.path() / "tiny.gguf";
  TinyModel(shape).save(path);
  EngineConfig config = engine_config(path.string(), devices);
  config.group_size = 4;
  if (change) change(config);
  auto assets = prepare_assets(config);
  if (!assets.ok()) throw std::runtime_error(assets.status().to_string());
  return *std::move(assets);
}

ManualDevices::ManualDevices(std::shared_ptr<const EngineAssets> assets,
                             std::shared_ptr<ManualExecutor> executor, Events events)
    : assets_(std::move(assets)),
      executor_(std::move(executor)),
      events_(std::move(events)),
      slots_(assets_->devices.size()) {
  const auto fabric =
      std::make_shared<Fabric>(*Fabric::make(assets_->plan, assets_->limits.max_tokens));
  for (std::uint32_t channel = 0; channel < assets_->plan.channels.size(); ++channel)
    for (const PortRef& to : assets_->plan.channels[channel].to)
      fabric->add_waker(channel, [this, device = to.device] { ref(device).wake(); });
  fabric_ = fabric;
}

void ManualDevices::start(DeviceId device) {
  Slot& slot = slots_[device];
  const auto presence = std::make_shared<int>();
  slot.presence = presence;
  DeviceActorConfig config;
  config.id = device;
  config.name = assets_->devices[device].name;
  config.epoch = assets_->placement.epoch;
  config.generation = ++slot.generation;
  config.limits = assets_->limits;
  config.open = [this, device, presence]() -> Result<LoadedDevice> {
    const DeviceChoice& choice = assets_->devices[device];
    SYNFIRE_ASSIGN_OR_RETURN(host::Device opened,
                             choice.backend.open_device(choice.index, choice.options));
    return LoadedDevice::load(std::move(opened), assets_->plan.devices[device], assets_->kv,
                              assets_->limits.max_tokens);
  };
  config.fabric = fabric_;
  config.on_ready = [this, device, generation = slot.generation](const host::Aborter&) {
    events_.on_ready(device, generation);
  };
  config.on_done = [this](StepDone done) { events_.on_done(std::move(done)); };
  ActorOptions options;
  options.name = config.name;
  options.mailbox_capacity = 2;
  options.messages_per_turn = 1;
  options.on_down = [this, device](const Down& down) { events_.on_down(device, down); };
  slot.actor =
      spawn(executor_, std::make_unique<DeviceActor>(std::move(config)), std::move(options));
}

void ManualDevices::kill(DeviceId device, Status why) { slots_[device].actor.kill(std::move(why)); }

}  // namespace synfire::test
