#pragma once

#include <cstdint>

#include "backends/reference/kernels.hpp"
#include "plugins/sdk/host_stage.hpp"
#include "tests/support/async_backend/disturbance.hpp"

namespace synfire::async_backend {

// A stage of reference kernels that the device's disturbances reach between ops.
class AsyncStage : public sdk::HostStage {
 public:
  AsyncStage(const sf_stage_desc& desc, Disturbance& disturbance, sdk::DeviceCounters& counters)
      : HostStage(desc, &reference::find_kernel, nullptr, counters),
        n_inputs_(desc.n_inputs),
        n_outputs_(desc.n_outputs),
        disturbance_(disturbance) {}

  [[nodiscard]] std::uint32_t n_inputs() const { return n_inputs_; }
  [[nodiscard]] std::uint32_t n_outputs() const { return n_outputs_; }

 protected:
  void before_op(const sdk::OpInfo&) override {
    disturbance_.strike();
    disturbance_.pause();
  }
  void before_signal(std::size_t) override { disturbance_.pause(); }

 private:
  std::uint32_t n_inputs_;
  std::uint32_t n_outputs_;
  Disturbance& disturbance_;  // the device's, which outlives its stages
};

}  // namespace synfire::async_backend
