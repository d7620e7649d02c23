#pragma once

#include <memory>

#include "plugins/sdk/host_device.hpp"
#include "plugins/sdk/host_probe.hpp"
#include "plugins/sdk/op_shapes.hpp"

namespace synfire::sdk {

// A HostDevice that is complete but for its kernels: it supports the ops that `find_kernel` finds a
// kernel for, and runs them one after the other. Kernels get it as their `device`; a derived class
// casts that to KernelDevice first.
class KernelDevice : public HostDevice {
 public:
  explicit KernelDevice(HostStage::FindKernel find_kernel) : find_kernel_(find_kernel) {}

  bool supports(const OpQuery& query) override {
    if (query.neurons != nullptr) HostNeurons::check(*query.neurons);
    if (query.kv != nullptr) HostKv::check(*query.kv);
    check_shapes(query);
    return query.op.id == SF_OP_COPY || find_kernel_(*find_op(query.op.id)) != nullptr;
  }
  std::unique_ptr<Stage> compile_stage(const sf_stage_desc& desc) override {
    return std::make_unique<HostStage>(desc, find_kernel_, this, counters_);
  }
  void measure(sf_measurement& measurement) override {
    measurement.read_bandwidth = one_core_read_bandwidth();
    measurement.host_bandwidth = 0;  // the same memory
    measurement.submit_seconds = empty_submit_seconds(*this);
  }

 private:
  HostStage::FindKernel find_kernel_;
};

}  // namespace synfire::sdk
