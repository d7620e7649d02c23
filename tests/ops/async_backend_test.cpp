#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ops/op_test.hpp"

// The async backend is a stand-in for a GPU: these tests show that it has a GPU's manners, so that
// an engine that works with it is ready for one.
namespace synfire::ops_test {
namespace {

using testing::HasSubstr;

// Two chains of ports: out 0 depends on in 0 alone, out 1 on in 1.
StageSpec two_chains() {
  StageSpec spec;
  spec.inputs = {spec.value(SF_VALUE_ROWS, 2), spec.value(SF_VALUE_ROWS, 2)};
  for (const std::uint32_t port : std::vector<std::uint32_t>(spec.inputs)) {
    const std::uint32_t x = spec.op(SF_OP_COPY, {port}, {SF_VALUE_ROWS, 2}, sf_no_params{});
    spec.output(spec.op(SF_OP_ADD, {x, x}, {SF_VALUE_ROWS, 2}, sf_no_params{}));
  }
  return spec;
}

const std::vector<Bytes>& chain_inputs() {
  static const std::vector<Bytes> inputs{bytes_of({1, 2}), bytes_of({3, 4})};
  return inputs;
}

// A device and the stage of two chains on it.
struct Chains {
  explicit Chains(const host::Options& options = {}) : device("async", options) {
    auto made = TestStage::make(device, two_chains());
    if (!made.ok()) throw std::runtime_error(made.status().to_string());
    stage = *std::move(made);
  }
  std::unique_ptr<TestRun> submit(bool ready) {
    auto run = stage->prepare(BatchSpec::of(1), chain_inputs(), ready);
    const Status status = stage->submit(*run);
    EXPECT_TRUE(status.ok()) << status.to_string();
    return run;
  }

  TestDevice device;
  std::unique_ptr<TestStage> stage;
};

TEST(AsyncBackend, SaysThatItIsAsyncAndItsMemoryItsOwn) {
  const auto backend = TestDevice::backend("async");
  ASSERT_TRUE(backend.ok()) << backend.status().to_string();
  const auto info = (*backend).describe(0);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ((*info).flags, std::uint32_t{SF_DEVICE_ASYNC});
}

// Submitted before anything is signalled; the second input comes only after the first output was
// seen. So submit() returns at once, and output 0 is signalled in the middle of the stage.
TEST(AsyncBackend, OutputPortsSignalInTheMiddleOfAStage) {
  Chains chains;
  const auto run = chains.submit(false);
  EXPECT_EQ(run->output_flag(0), 0u);
  run->signal_input(0);
  ASSERT_TRUE(run->wait_for_output(0));
  EXPECT_EQ(run->output_flag(0), 1u);
  EXPECT_EQ(floats_of(run->output(0)), (std::vector<float>{2, 4}));
  EXPECT_EQ(run->output_flag(1), 0u);
  EXPECT_FALSE(run->done());
  run->signal_input(1);
  EXPECT_TRUE(run->wait().ok());
  EXPECT_EQ(floats_of(run->output(1)), (std::vector<float>{6, 8}));
}

TEST(AsyncBackend, SubmissionsRunInOrder) {
  Chains chains;
  const auto first = chains.submit(false);
  const auto second = chains.submit(true);
  first->signal_input(0);
  ASSERT_TRUE(first->wait_for_output(0));
  EXPECT_EQ(second->output_flag(0), 0u);  // although all its inputs are there
  first->signal_input(1);
  EXPECT_TRUE(first->wait().ok());
  EXPECT_TRUE(second->wait().ok());
}

TEST(AsyncBackend, PausesChangeNothing) {
  for (const char* const seed : {"1", "2", "3"}) {
    Chains chains(host::Options{{"delay_us", "300"}, {"seed", seed}});
    std::vector<std::unique_ptr<TestRun>> runs;
    for (int i = 0; i < 5; ++i) runs.push_back(chains.submit(true));
    for (const auto& run : runs) {
      EXPECT_TRUE(run->wait().ok());
      EXPECT_EQ(floats_of(run->output(1)), (std::vector<float>{6, 8}));
    }
  }
}

TEST(AsyncBackend, FailsWhenTold) {
  Chains chains(host::Options{{"fail_at", "2"}});
  EXPECT_TRUE(chains.submit(true)->wait().ok());
  const auto run = chains.submit(true);
  const Status status = run->wait();
  EXPECT_EQ(status.code(), StatusCode::internal);
  EXPECT_THAT(status.message(), HasSubstr("submission 2"));
  EXPECT_EQ(run->output_flag(0), SF_EVENT_ABORTED);
  EXPECT_EQ(run->output_flag(1), SF_EVENT_ABORTED);
  EXPECT_TRUE(chains.submit(true)->wait().ok());
}

TEST(AsyncBackend, AStallEndsByAbort) {
  Chains chains(host::Options{{"stall_at", "2"}});
  EXPECT_TRUE(chains.submit(true)->wait().ok());
  const auto stalled = chains.submit(true);
  const auto behind = chains.submit(true);
  EXPECT_FALSE(stalled->done());
  chains.device->abort();
  EXPECT_EQ(stalled->wait().code(), StatusCode::aborted);
  EXPECT_EQ(behind->wait().code(), StatusCode::aborted);
  EXPECT_EQ(behind->output_flag(1), SF_EVENT_ABORTED);
}

TEST(AsyncBackend, AbortEndsAWaitForAnInput) {
  Chains chains;
  const auto run = chains.submit(false);
  run->signal_input(0);
  ASSERT_TRUE(run->wait_for_output(0));
  chains.device->abort();
  EXPECT_EQ(run->wait().code(), StatusCode::aborted);
  EXPECT_EQ(run->output_flag(0), 1u);  // what was written stays written
  EXPECT_EQ(run->output_flag(1), SF_EVENT_ABORTED);
}

TEST(AsyncBackend, ImpossibleOptionsAreNamed) {
  for (const auto& [key, value] :
       host::Options{{"delay_us", "-1"}, {"delay_us", "2000000"}, {"seed", "x"}, {"fail_at", ""}}) {
    const Status status = TestDevice::open("async", {{key, value}}).status();
    EXPECT_EQ(status.code(), StatusCode::invalid_argument) << key << '=' << value;
    EXPECT_THAT(status.message(), HasSubstr(key));
  }
}

TEST(AsyncBackend, PortsMustLieInRegisteredMemory) {
  Chains chains;
  const auto refused = [&](const auto& spoil, const char* text) {
    const auto run = chains.stage->prepare(BatchSpec::of(1), chain_inputs(), true);
    spoil(*run);
    const Status status = chains.stage->submit(*run);
    EXPECT_EQ(status.code(), StatusCode::failed_precondition) << text;
    EXPECT_THAT(status.message(), HasSubstr(text));
    EXPECT_FALSE(run->done());
  };
  std::vector<float> outside(2);
  std::uint64_t flag = 0;
  const std::uint32_t sequence = 0;
  refused([&](TestRun& run) { run.input_bindings[1].address = outside.data(); }, "input port 1");
  refused([&](TestRun& run) { run.output_bindings[0].address = outside.data(); }, "output port 0");
  refused([&](TestRun& run) { run.output_bindings[1].flag = &flag; }, "output port 1 flag");
  refused([&](TestRun& run) { run.input_bindings[0].flag = &flag; }, "input port 0 flag");
  refused([&](TestRun& run) { run.input_bindings[0].bytes = 1u << 30; }, "input port 0");
  refused([&](TestRun& run) { run.batch.sequences = &sequence; }, "batch sequences");
  EXPECT_TRUE(chains.submit(true)->wait().ok());
}

TEST(AsyncBackend, UnregisteredMemoryIsForgotten) {
  TestDevice device("async");
  std::vector<std::uint64_t> memory(8);
  const auto stage = TestStage::make(device, two_chains());
  ASSERT_TRUE(stage.ok());
  const auto run = (*stage)->prepare(BatchSpec::of(1), chain_inputs(), true);
  run->output_bindings[0].address = memory.data();
  {
    const auto registration = device->register_host_memory(memory.data(), 64);
    ASSERT_TRUE(registration.ok());
    ASSERT_TRUE((*stage)->submit(*run).ok());
    ASSERT_TRUE(run->wait().ok());
  }
  const auto again = (*stage)->prepare(BatchSpec::of(1), chain_inputs(), true);
  again->output_bindings[0].address = memory.data();
  EXPECT_EQ((*stage)->submit(*again).code(), StatusCode::failed_precondition);
}

TEST(AsyncBackend, CopiesKnowWhatIsDeviceMemory) {
  TestDevice device("async");
  std::vector<char> host(100);
  const auto memory = device->alloc(100);
  ASSERT_TRUE(memory.ok());
  char* const address = static_cast<char*>((*memory).get());
  EXPECT_FALSE(device->copy(host.data(), SF_MEMORY_DEVICE, address, SF_MEMORY_DEVICE, 100).ok());
  EXPECT_FALSE(device->copy(address, SF_MEMORY_DEVICE, host.data(), SF_MEMORY_HOST, 1u << 20).ok());
  EXPECT_TRUE(device->copy(address + 50, SF_MEMORY_DEVICE, host.data(), SF_MEMORY_HOST, 50).ok());
}

// Touching device memory from the host ends the process, with whatever a sanitizer says about it.
TEST(AsyncBackendDeathTest, TheHostCannotTouchDeviceMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto touch = [](bool write) {
    TestDevice device("async");
    const auto memory = device->alloc(64);
    auto* const address = static_cast<volatile char*>((*memory).get());
    if (write)
      *address = 1;
    else
      std::exit(*address);
  };
  EXPECT_DEATH(touch(true), "");
  EXPECT_DEATH(touch(false), "");
}

TEST(AsyncBackend, WeightsAreCopiedAtUpload) {
  TestDevice device("async");
  StageSpec spec;
  const std::uint32_t x = spec.rows(2);
  const std::uint32_t weight = spec.weight(HostTensor::of(DType::f32, 1, 2, {1, 1}));
  spec.output(spec.op(SF_OP_LINEAR, {x}, {SF_VALUE_ROWS, 1}, sf_no_params{}, {weight, SF_NONE}));
  spec.tensor_flags = SF_TENSOR_BORROW;
  const auto stage = TestStage::make(device, spec);
  ASSERT_TRUE(stage.ok()) << stage.status().to_string();
  // Borrowed or not: a device with memory of its own reads the bytes once.
  (*stage)->tensor(weight) = HostTensor::of(DType::f32, 1, 2, {9, 9});
  const auto out = (*stage)->run(BatchSpec::of(1), {bytes_of({1, 2})});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(floats_of((*out)[0]), std::vector<float>{3});
}

}  // namespace
}  // namespace synfire::ops_test
