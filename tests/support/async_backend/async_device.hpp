#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "plugins/sdk/kernel_device.hpp"
#include "tests/support/async_backend/async_stage.hpp"
#include "tests/support/async_backend/device_memory.hpp"
#include "tests/support/async_backend/disturbance.hpp"
#include "tests/support/async_backend/host_ranges.hpp"

namespace synfire::async_backend {

// A GPU in spirit: stages run on the device's own thread, in the order of their submission, after
// submit() returned; device memory is out of the host's reach; host memory must have been
// registered; weights are copied, never borrowed. Calls come from the owner's thread, but for
// abort().
class AsyncDevice : public sdk::KernelDevice {
 public:
  explicit AsyncDevice(const AsyncOptions& options);
  ~AsyncDevice() override;

  void* alloc(std::uint64_t bytes) override { return memory_.alloc(bytes); }
  void free(void* address) override { memory_.free(address); }
  void register_host_memory(void* address, std::uint64_t bytes) override {
    known_.add(address, bytes);
  }
  void unregister_host_memory(void* address) override { known_.remove(address); }
  void copy(void* to, std::uint32_t to_kind, const void* from, std::uint32_t from_kind,
            std::uint64_t bytes) override;

  std::unique_ptr<sdk::Weights> upload_weights(const sf_tensor_desc& tensor) override;
  void upload_groups(sdk::Neurons& neurons, std::span<const sf_group_source> groups) override;
  void evict_groups(sdk::Neurons& neurons, std::span<const std::uint32_t> ids) override;
  std::unique_ptr<sdk::Stage> compile_stage(const sf_stage_desc& desc) override;
  void submit(sdk::Stage& stage, const sf_submission& submission) override;
  void abort() override;
  void measure(sf_measurement& measurement) override;

 private:
  struct Job {
    AsyncDevice* device;
    AsyncStage* stage;
    sf_submission submission;
  };

  void require_known(const AsyncStage& stage, const sf_submission& submission) const;
  void require_known(const sf_batch& batch) const;
  void require_idle(const char* what) const;
  void run_jobs();
  void run(Job& job);
  static void forward(void* job, std::uint32_t what, sf_error* error);

  DeviceMemory memory_;
  HostRanges known_;
  Disturbance disturbance_;
  std::atomic<std::uint32_t> under_way_{0};  // submitted, and the host not yet told of the end
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // guarded by mutex_
  bool closing_ = false;  // guarded by mutex_
  std::thread thread_;    // last: uses all of the above
};

}  // namespace synfire::async_backend
