#pragma once

#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include "plugins/sdk/backend.hpp"
#include "plugins/sdk/device_counters.hpp"
#include "plugins/sdk/host_memory.hpp"
#include "plugins/sdk/host_stage.hpp"

namespace synfire::sdk {

// A device whose memory is host memory and whose stages run on the submitting thread, op by op.
// A backend derives it and gives the kernels (and supports()).
class HostDevice : public Device {
 public:
  // `members`: threads that run kernels at the same time.
  explicit HostDevice(std::size_t members = 1) : counters_(members) {}

  void* alloc(std::uint64_t bytes) override {
    void* const memory = std::aligned_alloc(AlignedBytes::kAlignment, (bytes + 63) / 64 * 64);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void free(void* address) override { std::free(address); }
  void copy(void* to, std::uint32_t, const void* from, std::uint32_t,
            std::uint64_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  std::unique_ptr<Weights> upload_weights(const sf_tensor_desc& tensor) override {
    return std::make_unique<HostWeights>(tensor);
  }
  std::unique_ptr<Neurons> create_neurons(const sf_neurons_desc& desc) override {
    return std::make_unique<HostNeurons>(desc);
  }
  void upload_groups(Neurons& neurons, std::span<const sf_group_source> groups) override {
    static_cast<HostNeurons&>(neurons).upload(groups);
  }
  void evict_groups(Neurons& neurons, std::span<const std::uint32_t> ids) override {
    static_cast<HostNeurons&>(neurons).evict(ids);
  }
  std::unique_ptr<Kv> create_kv(const sf_kv_desc& desc) override {
    return std::make_unique<HostKv>(desc);
  }
  void submit(Stage& stage, const sf_submission& submission) override {
    static_cast<HostStage&>(stage).run(submission, stop_);
  }
  void abort() override { stop_.store(true, std::memory_order_relaxed); }
  void counters(sf_counters& counters) override { counters_.fill(counters); }

 protected:
  DeviceCounters counters_;        // outlives the stages, which count there
  std::atomic<bool> stop_{false};  // set once, by abort(): the device runs nothing any more
};

}  // namespace synfire::sdk
