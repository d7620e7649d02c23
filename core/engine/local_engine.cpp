#include "core/engine/local_engine.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/base/log.hpp"
#include "core/engine/generation_session.hpp"
#include "core/engine/logits_session.hpp"
#include "core/engine/tap_session.hpp"
#include "core/tensor/host_region.hpp"

namespace synfire {
namespace {

// How long a device's thread polls for its next step, or for another device's event, before it
// sleeps.
constexpr Duration kDeviceSpin = std::chrono::microseconds(100);
// Patience with plugins that open and fill their devices.
constexpr Duration kLoad = std::chrono::minutes(30);
// Patience with the engine's thread at the end.
constexpr Duration kShutdown = std::chrono::seconds(5);

// Spinning threads must have a processor each.
Duration device_spin(std::size_t n_devices) {
  return n_devices <= std::thread::hardware_concurrency() ? kDeviceSpin : Duration{};
}

Result<LoadedDevice> open_device(const EngineAssets& assets, DeviceId id) {
  const DeviceChoice& choice = assets.devices[id];
  SYNFIRE_ASSIGN_OR_RETURN(host::Device device,
                           choice.backend.open_device(choice.index, choice.options));
  LoadHooks hooks;
  if (assets.packs(id)) {
    // A second copy in the page cache is welcome, a restart will be fast, unless memory is short.
    const bool short_of_memory = assets.file.file_bytes() > available_host_memory() / 2;
    hooks.read_for_good = [&file = assets.file, short_of_memory](auto bytes) {
      file.release(bytes, short_of_memory);
    };
  }
  if (assets.on_load)
    hooks.loaded = [&assets](std::uint64_t bytes) {
      assets.on_load(assets.loaded_bytes += bytes, assets.all_bytes);
    };
  return LoadedDevice::load(std::move(device), assets.plan.devices[id], assets.kv,
                            assets.limits.max_tokens, hooks);
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::make(const EngineConfig& config) {
  return LocalEngine::make(config);
}

Result<std::unique_ptr<Engine>> LocalEngine::make(const EngineConfig& config) {
  SYNFIRE_ASSIGN_OR_RETURN(std::shared_ptr<EngineAssets> assets, prepare_assets(config));
  std::unique_ptr<LocalEngine> engine(new LocalEngine(config, std::move(assets)));
  SYNFIRE_RETURN_IF_ERROR(engine->start());
  return std::unique_ptr<Engine>(std::move(engine));
}

LocalEngine::LocalEngine(const EngineConfig& config, std::shared_ptr<EngineAssets> assets)
    : config_(config), assets_(std::move(assets)), started_at_(SteadyClock().now()) {
  board_->devices.resize(assets_->devices.size());
}

LocalEngine::~LocalEngine() {
  if (supervisor_) supervisor_->stop();
  actor_.reset();
  // First the engine's actor ends what runs, as CANCELLED; then the devices go.
  if (thread_ && !thread_->stop_and_join(kShutdown))
    log::warning("engine: its thread does not end");
  for (const auto& host : hosts_) host->stop();
}

Status LocalEngine::start() {
  SYNFIRE_ASSIGN_OR_RETURN(Fabric fabric, Fabric::make(assets_->plan, assets_->limits.max_tokens));
  const auto shared = std::make_shared<Fabric>(std::move(fabric));
  fabric_ = shared;
  const Duration spin = device_spin(assets_->devices.size());
  for (DeviceId d = 0; d < assets_->devices.size(); ++d)
    hosts_.push_back(std::make_shared<DeviceHost>(device_config(d), spin));
  for (std::uint32_t channel = 0; channel < assets_->plan.channels.size(); ++channel)
    for (const PortRef& to : assets_->plan.channels[channel].to)
      if (to.device != assets_->plan.channels[channel].from.device)
        shared->add_waker(channel, [weak = std::weak_ptr(hosts_[to.device])] {
          if (const auto host = weak.lock()) host->ref().wake();
        });
  ThreadExecutorOptions options;
  options.name = "engine";
  SYNFIRE_ASSIGN_OR_RETURN(thread_, ThreadExecutor::start(options));
  spawn_engine_actor();
  supervisor_ = Supervisor::create(thread_);
  for (DeviceId d = 0; d < hosts_.size(); ++d) supervise(d);
  return wait_for_devices();
}

DeviceActorConfig LocalEngine::device_config(DeviceId device) const {
  DeviceActorConfig config;
  config.id = device;
  config.name = assets_->devices[device].name;
  config.epoch = assets_->placement.epoch;
  config.waits_itself = (assets_->devices[device].info.flags & SF_DEVICE_ASYNC) != 0;
  config.limits = assets_->limits;
  config.open = [assets = std::shared_ptr<const EngineAssets>(assets_), device] {
    return open_device(*assets, device);
  };
  config.fabric = fabric_;
  config.compute_time = compute_time_;
  return config;
}

void LocalEngine::spawn_engine_actor() {
  EngineActorConfig config;
  config.step_timeout = config_.step_timeout;
  config.device_ref = [hosts = hosts_](DeviceId d) { return hosts[d]->ref(); };
  config.give_up = [hosts = hosts_](DeviceId d, const Status& why) { hosts[d]->give_up(why); };
  config.on_change = [board = board_] {
    const std::lock_guard lock(board->mutex);
    board->changed.notify_all();
  };
  config.counters = counters_;
  config.assets = assets_;
  std::vector<std::string> names;
  for (const DeviceChoice& choice : assets_->devices) names.push_back(choice.name);
  ActorOptions options;
  options.name = "engine";
  options.mailbox_capacity = config_.queue + config_.max_sequences + 2 * hosts_.size() + 8;
  actor_ =
      spawn(thread_,
            std::make_unique<EngineActor>(
                std::move(config),
                LayerScheduler(assets_->plan, fabric_, assets_->placement.epoch, names),
                Batcher(assets_->limits, KvBlocks(assets_->kv.n_blocks, assets_->kv.block_tokens))),
            std::move(options));
}

void LocalEngine::supervise(DeviceId device) {
  const EngineRef engine = actor_.ref();
  const auto set = [board = board_, device](Board::Device state) {
    const std::lock_guard lock(board->mutex);
    board->devices[device] = std::move(state);
    board->changed.notify_all();
  };
  ChildSpec child;
  child.name = assets_->devices[device].name;
  child.start = [host = hosts_[device], board = board_, engine, device, set](DownListener on_down) {
    const auto ready = [engine, device, set](std::uint32_t generation) {
      engine.send_control(DeviceUp{device, generation});
      set({true, false, "", {}});
    };
    // The mailbox has room for every device's answer, so this is refused only when the engine has
    // gone.
    const auto done = [engine, board, device](StepDone done_message) {
      {
        const std::lock_guard lock(board->mutex);
        board->devices[device].counts = done_message.counts;
      }
      static_cast<void>(engine.try_send(EngineMessage(std::move(done_message))));
    };
    return host->start(ready, done, std::move(on_down));
  };
  child.wants_restart = [board = board_](const Down& down) {
    return board->started && down.reason != DownReason::stopped;
  };
  child.on_event = [engine, device, set](const ChildEvent& event) {
    if (event.kind == ChildEvent::Kind::restarted) return;
    const bool for_good = event.kind != ChildEvent::Kind::down;
    set({false, for_good, event.down.status.message(), {}});
    engine.send_control(DeviceDown{device, event.down.status});
  };
  supervisor_->supervise(std::move(child));
}

Status LocalEngine::wait_for_devices() {
  std::unique_lock lock(board_->mutex);
  const auto settled = [&] {
    const auto& all = board_->devices;
    return std::any_of(all.begin(), all.end(), [](const auto& d) { return d.lost; }) ||
           std::all_of(all.begin(), all.end(), [](const auto& d) { return d.up; });
  };
  if (!board_->changed.wait_for(lock, kLoad, settled)) {
    std::string names;
    for (DeviceId d = 0; d < board_->devices.size(); ++d)
      if (!board_->devices[d].up) names += " " + assets_->devices[d].name;
    return error(StatusCode::deadline_exceeded, "not loaded within {} s:{}",
                 std::chrono::duration_cast<std::chrono::seconds>(kLoad).count(), names);
  }
  for (const Board::Device& device : board_->devices)
    if (device.lost) return error(StatusCode::failed_precondition, "{}", device.reason);
  board_->started = true;
  return {};
}

Status LocalEngine::admit() {
  {
    const std::lock_guard lock(board_->mutex);
    for (std::size_t d = 0; d < board_->devices.size(); ++d)
      if (!board_->devices[d].up)
        return error(StatusCode::unavailable, "device {} is {}: {}", assets_->devices[d].name,
                     board_->devices[d].lost ? "lost" : "restarting", board_->devices[d].reason);
  }
  const std::uint64_t room = std::uint64_t{config_.queue} + config_.max_sequences;
  const bool has_room = counters_->active.fetch_add(1) < room;
  // Looked at with the place taken: drain() sees either the place or nobody to come.
  if (has_room && !draining_) return {};
  give_place_back();
  if (draining_) return error(StatusCode::unavailable, "the server is draining");
  ++counters_->refused;
  return error(StatusCode::resource_exhausted,
               "{} requests are running or waiting, want fewer than {}", room, room);
}

void LocalEngine::give_place_back() {
  --counters_->active;
  const std::lock_guard lock(board_->mutex);
  board_->changed.notify_all();
}

Status LocalEngine::send(std::unique_ptr<Session> session) {
  EngineMessage message = NewSession{std::move(session)};
  if (actor_.ref().try_send(std::move(message)) == SendResult::ok) return {};
  std::get<NewSession>(message).session->abandon();
  give_place_back();
  return error(StatusCode::unavailable, "the engine takes no more requests");
}

Result<RequestId> LocalEngine::submit(GenerateRequest request, std::shared_ptr<RequestSink> sink) {
  const RequestId id = ++last_id_;
  const GenerationLimits limits{assets_->program.hparams.n_vocab, assets_->context};
  auto session = GenerationSession::make(id, std::move(request), std::move(sink), tokenizer(),
                                         limits, SteadyClock().now());
  if (!session.ok()) return session.status();
  Status status = admit();
  if (status.ok()) {
    ++counters_->started;
    status = send(*std::move(session));
  } else {
    (*session)->abandon();
  }
  if (!status.ok()) return status;
  return id;
}

void LocalEngine::cancel(RequestId id) { actor_.ref().send_control(CancelRequest{id}); }

bool LocalEngine::drain(Duration limit) {
  draining_ = true;
  std::unique_lock lock(board_->mutex);
  return board_->changed.wait_for(lock, limit, [&] { return counters_->active == 0; });
}

Status LocalEngine::check_tokens(std::span<const std::int32_t> tokens) const {
  if (tokens.empty() || tokens.size() > assets_->context)
    return invalid_argument("tokens: {}, want 1 to the context of {}", tokens.size(),
                            assets_->context);
  for (const std::int32_t token : tokens)
    if (token < 0 || static_cast<std::uint32_t>(token) >= assets_->program.hparams.n_vocab)
      return invalid_argument("token: {}, want 0 to {}", token,
                              assets_->program.hparams.n_vocab - 1);
  return {};
}

Result<std::vector<float>> LocalEngine::logits(std::span<const std::int32_t> tokens) {
  SYNFIRE_RETURN_IF_ERROR(check_tokens(tokens));
  const std::uint64_t bytes =
      std::uint64_t{tokens.size()} * assets_->program.hparams.n_vocab * sizeof(float);
  if (const std::uint64_t available = available_host_memory(); available != 0 && bytes > available)
    return error(StatusCode::resource_exhausted,
                 "logits of {} tokens: {} bytes of host memory needed, {} available", tokens.size(),
                 bytes, available);
  std::promise<LogitsSession::Logits> promise;
  std::future<LogitsSession::Logits> result = promise.get_future();
  SYNFIRE_RETURN_IF_ERROR(admit());
  SYNFIRE_RETURN_IF_ERROR(send(std::make_unique<LogitsSession>(
      ++last_id_, std::vector(tokens.begin(), tokens.end()), std::move(promise))));
  return result.get();
}

Status LocalEngine::observe(std::span<const std::int32_t> tokens, TapSink& sink) {
  if (assets_->plan.taps.empty())
    return error(StatusCode::failed_precondition, "the engine was made without a tap");
  SYNFIRE_RETURN_IF_ERROR(check_tokens(tokens));
  std::promise<Status> promise;
  std::future<Status> result = promise.get_future();
  SYNFIRE_RETURN_IF_ERROR(admit());
  SYNFIRE_RETURN_IF_ERROR(send(std::make_unique<TapSession>(
      ++last_id_, std::vector(tokens.begin(), tokens.end()), sink, std::move(promise))));
  return result.get();
}

std::vector<DeviceStatus> LocalEngine::devices() const {
  std::vector<DeviceStatus> all;
  const std::lock_guard lock(board_->mutex);
  for (DeviceId d = 0; d < assets_->devices.size(); ++d) {
    const DeviceChoice& choice = assets_->devices[d];
    const bool lost = board_->devices[d].lost;  // for good; one that restarts is not
    all.push_back({choice.name, choice.info.description, lost,
                   lost ? board_->devices[d].reason : "", weight_bytes(*assets_, d),
                   kv_bytes(*assets_, d), board_->devices[d].counts});
  }
  return all;
}

EngineStats LocalEngine::stats() const {
  const EngineCounters& c = *counters_;
  EngineStats stats{};
  stats.requests_started = c.started;
  stats.requests_finished = c.finished;
  stats.requests_failed = c.failed;
  stats.requests_cancelled = c.cancelled;
  stats.requests_refused = c.refused;
  stats.requests_running = c.running;
  stats.requests_waiting = c.active - std::min<std::uint64_t>(c.active, c.running);
  stats.steps = c.steps;
  stats.prompt_tokens = c.prompt_tokens;
  stats.generated_tokens = c.generated_tokens;
  stats.forks = c.forks;
  stats.joins = c.joins;
  stats.step_time = std::chrono::nanoseconds(c.step_ns);
  stats.busiest_time = std::chrono::nanoseconds(c.busiest_ns);
  stats.compute_time = compute_time_->total();
  stats.uptime = SteadyClock().now() - started_at_;
  return stats;
}

}  // namespace synfire
