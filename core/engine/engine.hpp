#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/device_spec.hpp"
#include "core/base/result.hpp"
#include "core/engine/messages.hpp"
#include "core/engine/request.hpp"
#include "core/engine/tap_sink.hpp"
#include "core/sparsity/ffn_traffic.hpp"
#include "core/sparsity/placement.hpp"

namespace synfire {

class Tokenizer;

enum class PlacementKind : std::uint8_t { single, layer, neuron, shard };

// What an engine is made of. Text fields are as users write them; make() checks everything.
struct EngineConfig {
  std::filesystem::path model;
  std::vector<std::filesystem::path> plugin_dirs;  // absolute
  std::vector<DeviceSpec> devices;                 // empty: the best that the plugins have
  std::optional<PlacementKind> placement;  // absent: single with one device, neuron with several
  std::optional<double> split;             // share of the first device, 0..1
  std::vector<PlannedGroups> plan;         // groups by device; excludes split
  std::uint32_t group_size = 32;           // neurons per group
  std::string predictor;                   // "exact", "none", "mlp[dtype=q8_0]"; "": by model
  std::optional<double> predictor_threshold;
  std::filesystem::path predictor_file;  // empty: predictor_sidecar()
  bool lossless = false;                 // no predictor by itself that may miss a neuron
  std::string ffn_activation;            // "" = the file's
  std::string down_dtype;                // f16 | q8_0 | q4_0; "" = by the predictor
  std::uint32_t context = 0;             // tokens per sequence; 0 = the model's, at most 8192
  std::uint32_t threads = 0;             // of CPU devices that do not say; 0 = the plugin's choice
  std::string kv_dtype = "f16";          // f32 | f16 | q8_0
  std::uint32_t prefill_chunk = 128;     // tokens of a step, of prompts and of answers
  std::uint32_t max_sequences = 4;       // running at once
  std::uint32_t queue = 64;              // waiting at most; more are refused
  Duration step_timeout = std::chrono::seconds(120);
  std::uint32_t ffn_chunk = 0;  // neurons per partial sum; 0 = the backend's choice
  std::uint32_t tap = 0;        // SF_TAP_*: what observe() shows of every layer; 0: nothing
  bool tap_gates = false;       // and what decides which neurons fire, gates and a predictor's
                                // scores; needs a tap and one device
  // How much of the weights is loaded, in bytes; may be empty. From the devices' threads.
  std::function<void(std::uint64_t done, std::uint64_t all)> on_load = {};
};

struct ModelInfo {
  std::string name, path, architecture, description, license;
  std::uint32_t n_layers, d_model, d_ff, n_heads, n_kv_heads, n_vocab;
  std::uint32_t context_trained, context;
  std::string activation, weight_dtype;
  std::uint64_t parameters, weight_bytes;
};

struct DeviceStatus {
  std::string name;  // as in the configuration: "cpu:0[cores=0]"
  std::string description;
  bool lost = false;  // failed or stalled; serves no more
  std::string lost_reason;
  std::uint64_t weight_bytes = 0, kv_bytes = 0;
  DeviceCounts counts;  // after its last step
};

struct PluginStatus {
  std::string path, name, kind, version;
  std::string error;  // empty: loaded
};

// Which device does what, for people.
struct LayerPlacement {
  std::uint32_t layer;
  std::string attention_device;                                // those that share it: "cpu:0+cpu:1"
  std::vector<std::pair<std::string, std::uint32_t>> neurons;  // device, neurons of the FFN
};
// How a layer finds its active neurons.
struct LayerSparsity {
  enum class By : std::uint8_t { all, gates, scores };
  By by = By::all;       // all: it runs dense
  bool verified = true;  // the gate of a neuron decides whether its other rows are read
  double threshold = 0;  // of scores
  FfnBytes bytes;
};
struct PlacementInfo {
  std::string kind, predictor;
  std::uint64_t epoch = 0;
  std::uint64_t predictor_bytes = 0;  // that its weights have, all layers
  std::uint64_t dense_ffn_bytes =
      0;  // of layers that run as matrices although a predictor is there
  std::vector<LayerPlacement> layers;
  std::vector<std::string> notes;            // e.g. that down was requantized
  std::vector<LayerSparsity> sparsity = {};  // by layer
};

struct EngineStats {
  std::uint64_t requests_started, requests_finished, requests_failed, requests_cancelled,
      requests_refused;
  std::uint64_t requests_running, requests_waiting;
  std::uint64_t steps, prompt_tokens, generated_tokens;
  // Since the start: times that something left for several devices, and that their parts met.
  std::uint64_t forks, joins;
  // Of all steps: from when they were sent to the last device's answer, and what the busiest device
  // of each spent in its stages. The rest is hand-offs and waits for other devices.
  Duration step_time{}, busiest_time{};
  // Since the start: while at least one device had a stage under way.
  Duration compute_time{};
  Duration uptime{};
};

// A model on its devices, ready to generate. Thread-safe. The destructor ends what runs (CANCELLED)
// and waits for the devices, but never longer than a bounded while for one that hangs.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> make(const EngineConfig& config);
  virtual ~Engine() = default;

  // Refuses with INVALID_ARGUMENT (names the field), RESOURCE_EXHAUSTED (queue full) or UNAVAILABLE
  // (draining, or a device is lost); then the sink hears nothing. The engine keeps `sink` until
  // on_finish.
  virtual Result<RequestId> submit(GenerateRequest request, std::shared_ptr<RequestSink> sink) = 0;
  // Ends a request within one step; unknown or ended ids are ignored.
  virtual void cancel(RequestId id) = 0;
  // Takes nothing new; returns when everything ended, or false after `limit`.
  virtual bool drain(Duration limit) = 0;

  // Logits at every position of `tokens`, [tokens, n_vocab], by one sequence from position 0; for
  // verify and perplexity. Runs between the steps of other requests; blocks the caller.
  virtual Result<std::vector<float>> logits(std::span<const std::int32_t> tokens) = 0;

  // Runs `tokens` as logits() does and shows `sink` what the configured tap saw, step by step. The
  // sink is called on the engine's thread, and no more after the return.
  virtual Status observe(std::span<const std::int32_t> tokens, TapSink& sink) = 0;

  [[nodiscard]] virtual const Tokenizer* tokenizer() const = 0;  // null: the file has none
  [[nodiscard]] virtual ModelInfo model() const = 0;
  [[nodiscard]] virtual std::vector<DeviceStatus> devices() const = 0;
  [[nodiscard]] virtual std::vector<PluginStatus> plugins() const = 0;
  [[nodiscard]] virtual PlacementInfo placement() const = 0;
  [[nodiscard]] virtual EngineStats stats() const = 0;
};

}  // namespace synfire
