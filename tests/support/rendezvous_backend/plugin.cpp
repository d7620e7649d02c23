#include <chrono>
#include <string>

#include "backends/reference/kernels.hpp"
#include "plugins/sdk/kernel_device.hpp"
#include "plugins/sdk/option_reader.hpp"
#include "tests/support/rendezvous_backend/meeting.hpp"

// The reference kernels, but neuron_ffn waits at its start until the other device's has started
// too: a split FFN ends only if both halves really run at the same time. With attention=1 so does
// attention.
namespace synfire::rendezvous_backend {
namespace {

class RendezvousDevice : public sdk::KernelDevice {
 public:
  RendezvousDevice(std::uint32_t index, std::chrono::milliseconds timeout, bool attention)
      : KernelDevice(&find_kernel), index_(index), timeout_(timeout), attention_(attention) {
    Meeting::instance().open();
  }
  ~RendezvousDevice() override { Meeting::instance().close(); }

  void abort() override {
    KernelDevice::abort();
    Meeting::instance().wake();
  }

 private:
  static sdk::HostStage::Kernel find_kernel(const sdk::OpInfo& info) {
    if (info.id == SF_OP_NEURON_FFN) return &meet_then_run<SF_OP_NEURON_FFN>;
    if (info.id == SF_OP_ATTENTION) return &meet_then_run<SF_OP_ATTENTION>;
    return reference::find_kernel(info);
  }
  template <std::uint32_t kOp>
  static void meet_then_run(void* device, const sdk::OpCall& call) {
    auto& self = static_cast<RendezvousDevice&>(*static_cast<KernelDevice*>(device));
    if (kOp != SF_OP_ATTENTION || self.attention_)
      Meeting::instance().arrive(self.index_, self.timeout_, self.stop_);
    reference::find_kernel (*sdk::find_op(kOp))(nullptr, call);
  }

  std::uint32_t index_;
  std::chrono::milliseconds timeout_;
  bool attention_;  // meets in attention too
};

struct Backend {
  static constexpr const char* kName = "rendezvous";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription =
      "for tests: two devices whose FFN halves wait for each other";

  static std::uint32_t device_count() { return kDevices; }
  static void describe(std::uint32_t, sf_device_info& info) {
    info.kind = SF_DEVICE_OTHER;
    info.flags = SF_DEVICE_UNIFIED;
    info.cores = 1;
    sdk::set_description(info, "half of a pair");
  }
  static std::unique_ptr<sdk::Device> open(std::uint32_t index, const sf_options& options) {
    sdk::OptionReader reader(std::string("rendezvous:") + std::to_string(index), options);
    const std::chrono::milliseconds timeout(reader.number("timeout_ms", 10000, 1, 600000));
    const bool attention = reader.number("attention", 0, 0, 1) != 0;
    reader.finish();
    return std::make_unique<RendezvousDevice>(index, timeout, attention);
  }
};

}  // namespace
}  // namespace synfire::rendezvous_backend

SYNFIRE_BACKEND_PLUGIN(synfire::rendezvous_backend::Backend)
