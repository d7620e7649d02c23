#pragma once

#include <memory>

#include "backends/reference/kernels.hpp"
#include "plugins/sdk/host_device.hpp"
#include "plugins/sdk/op_shapes.hpp"

namespace synfire::reference {

// Whether the kernels can run an op: any weight dtype, KV storage in F32 or F16. Throws or returns
// true, as Device::supports may.
inline bool supports(const sdk::OpQuery& query) {
  if (query.neurons != nullptr) sdk::HostNeurons::check(*query.neurons);
  if (query.kv != nullptr) sdk::HostKv::check(*query.kv);
  sdk::check_shapes(query);
  return true;
}

// One core, scalar code, everything on the submitting thread.
class ReferenceDevice : public sdk::HostDevice {
 public:
  bool supports(const sdk::OpQuery& query) override { return reference::supports(query); }
  std::unique_ptr<sdk::Stage> compile_stage(const sf_stage_desc& desc) override {
    return std::make_unique<sdk::HostStage>(desc, &find_kernel, this);
  }
  void measure(sf_measurement& measurement) override;
};

}  // namespace synfire::reference
