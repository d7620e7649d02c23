#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/runtime/stage_plan.hpp"
#include "plugins/host/device.hpp"

namespace synfire {

// The KV storage of an engine; every device has it for its own layers, and its own heads of them.
struct KvShape {
  std::uint32_t n_blocks;
  std::uint32_t block_tokens;
  std::uint32_t n_kv_heads;
  std::uint32_t head_dim;
  DType dtype;

  [[nodiscard]] std::uint64_t bytes_per_layer() const {
    return rows_per_layer() * row_bytes(dtype, head_dim);
  }
  // With what a device may add to F16 (sf_kv_params).
  [[nodiscard]] std::uint64_t most_bytes_per_layer() const {
    if (dtype != DType::f16) return bytes_per_layer();
    return rows_per_layer() * (row_bytes(dtype, (head_dim + 31) / 32 * 32) + 4);
  }

 private:
  [[nodiscard]] std::uint64_t rows_per_layer() const {
    return std::uint64_t{2} * n_blocks * block_tokens * n_kv_heads;
  }
};

// What the host does about a device's upload. Both may be empty; called on the device's thread.
struct LoadHooks {
  // These bytes of the plan were read and will not be any more: the device keeps weights of its own
  // (SF_DEVICE_PACKS).
  std::function<void(std::span<const std::byte>)> read_for_good;
  // That many more bytes of weights are on the device.
  std::function<void(std::uint64_t bytes)> loaded;
};

// A device with its weights, its neurons, its KV storage and its compiled stages. Belongs to the
// thread that owns the device.
class LoadedDevice {
 public:
  // Uploads and compiles everything that `plan` says. The plan's data stays borrowed while the
  // object lives.
  static Result<LoadedDevice> load(host::Device device, const DevicePlan& plan, const KvShape& kv,
                                   std::uint32_t max_tokens, const LoadHooks& hooks = {});

  [[nodiscard]] host::Device& device() { return device_; }
  [[nodiscard]] std::uint32_t n_stages() const {
    return static_cast<std::uint32_t>(stages_.size());
  }
  struct PortCounts {
    std::size_t inputs, outputs;
  };
  // What a submission to the stage must bind.
  [[nodiscard]] PortCounts ports(std::uint32_t stage) const { return ports_[stage]; }
  Status submit(std::uint32_t stage, const sf_submission& submission);

 private:
  explicit LoadedDevice(host::Device device) : device_(std::move(device)) {}
  Status upload_weights(const DevicePlan& plan, const LoadHooks& hooks);
  Status upload_neurons(const NeuronUpload& upload, const LoadHooks& hooks);
  Status create_kv(const DevicePlan& plan, const KvShape& kv);
  Status compile(const StageSpec& spec, std::uint32_t max_tokens);

  // Destroyed in reverse: stages first, the device last.
  host::Device device_;
  std::vector<host::Weights> weights_;
  std::vector<host::Neurons> neurons_;
  host::Kv kv_;
  std::vector<host::Stage> stages_;
  std::vector<PortCounts> ports_;  // by stage
};

}  // namespace synfire
