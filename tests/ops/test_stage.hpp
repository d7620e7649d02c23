#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/result.hpp"
#include "tests/ops/batch_spec.hpp"
#include "tests/ops/stage_spec.hpp"
#include "tests/ops/test_device.hpp"

namespace synfire::ops_test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(const std::vector<float>& values) {
  const auto* const from = reinterpret_cast<const std::byte*>(values.data());
  return Bytes(from, from + values.size() * sizeof(float));
}
std::vector<float> floats_of(const Bytes& bytes);

// A submission under way: what notify said so far. Keeps the ports in the device's PortMemory.
class TestRun {
 public:
  struct Port {
    void* address;
    std::size_t bytes;
    std::uint64_t* flag;
  };

  // Blocks until the stage ended, and gives how. A minute without an end is an error of the test.
  Status wait();
  // Blocks until output port `port` was announced, or the stage ended (false).
  bool wait_for_output(std::uint32_t port);
  [[nodiscard]] bool done() const;

  void signal_input(std::size_t port);
  void abort_input(std::size_t port);
  [[nodiscard]] std::uint64_t output_flag(std::size_t port) const;
  [[nodiscard]] Bytes output(std::size_t port) const;

  std::vector<Port> inputs, outputs;
  std::vector<sf_port_binding> input_bindings, output_bindings;
  sf_batch batch{};
  sf_submission submission{};

 private:
  friend class TestStage;
  static void notify(void* context, std::uint32_t what, sf_error* error);
  // notify's own words against the contract: each port once, the end once and last.
  [[nodiscard]] Status check_order() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint32_t> told_;  // what notify was called with
  Status end_;
};

// A StageSpec on a device. Errors of making it are thrown as text unless make() is used.
class TestStage {
 public:
  static Result<std::unique_ptr<TestStage>> make(TestDevice& device, const StageSpec& spec);
  TestStage(TestDevice& device, const StageSpec& spec) : device_(device), spec_(spec) {}

  // Runs a batch with all inputs given; the outputs' bytes.
  Result<std::vector<Bytes>> run(const BatchSpec& batch, const std::vector<Bytes>& inputs);

  // The parts of run(): `ready` says whether the input ports are signalled at once.
  std::unique_ptr<TestRun> prepare(const BatchSpec& batch, const std::vector<Bytes>& inputs,
                                   bool ready);
  Status submit(TestRun& run) { return device_->submit(stage_, run.submission); }

  // The bytes that were uploaded, which the device may have borrowed.
  HostTensor& tensor(std::size_t i) { return spec_.weights[i]; }
  [[nodiscard]] const host::Neurons& neurons(std::size_t i) const { return neurons_[i]; }
  Status upload_groups(std::size_t neurons, const std::vector<std::uint32_t>& groups);

 private:
  Status build();
  Status compile();

  TestDevice& device_;
  StageSpec spec_;
  std::vector<host::Weights> weights_;
  std::vector<host::Neurons> neurons_;
  std::vector<host::Kv> kv_;
  host::Stage stage_;  // last: goes first
};

}  // namespace synfire::ops_test
