#pragma once

#include <cstddef>
#include <cstdint>
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
    return std::uint64_t{2} * n_blocks * block_tokens * n_kv_heads * row_bytes(dtype, head_dim);
  }
};

// A device with its weights, its neurons, its KV storage and its compiled stages. Belongs to the
// thread that owns the device.
class LoadedDevice {
 public:
  // Uploads and compiles everything that `plan` says. The plan's data stays borrowed while the
  // object lives.
  static Result<LoadedDevice> load(host::Device device, const DevicePlan& plan, const KvShape& kv,
                                   std::uint32_t max_tokens);

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
  Status upload_weights(const DevicePlan& plan);
  Status upload_neurons(const NeuronUpload& upload);
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
