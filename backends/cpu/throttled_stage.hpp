#pragma once

#include "backends/cpu/pacer.hpp"
#include "plugins/sdk/host_stage.hpp"

namespace synfire::cpu {

// A stage that rests after each op, before others see what it made: a slower device.
class ThrottledStage : public sdk::HostStage {
 public:
  ThrottledStage(const sf_stage_desc& desc, FindKernel find_kernel, void* device,
                 sdk::DeviceCounters& counters, FindFusion find_fusion, double share)
      : HostStage(desc, find_kernel, device, counters, find_fusion), pacer_(share) {}

 protected:
  void before_ops() override { pacer_.resume(Clock::now(), waited()); }
  void after_ops() override { rest(); }
  void before_op(const sdk::OpInfo&) override { rest(); }
  void before_signal(std::size_t) override { rest(); }

 private:
  // Awake, as waking up would take longer than many a rest.
  void rest() {
    const Clock::time_point end = pacer_.rest_until(Clock::now(), waited());
    while (Clock::now() < end) {
    }
    pacer_.resume(Clock::now(), waited());
  }

  Pacer pacer_;
};

}  // namespace synfire::cpu
