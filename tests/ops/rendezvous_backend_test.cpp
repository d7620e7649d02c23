#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/ops/neuron_spec.hpp"
#include "tests/ops/op_test.hpp"

namespace synfire::ops_test {
namespace {

const NeuronShape kShape{4, 6, 2, true};

StageSpec ffn_stage(std::vector<std::uint32_t> groups) {
  Random random(2);
  StageSpec spec;
  const std::uint32_t x = spec.rows(4);
  spec.output(spec.op(SF_OP_NEURON_FFN, {x, SF_NONE, SF_NONE}, {SF_VALUE_ROWS, 4},
                      sf_neuron_ffn_params{SF_ACTIVATION_RELU, SF_GATE_NONE, 0, 0}, {},
                      {0, SF_NONE}));
  spec.neurons.push_back(random_neurons(kShape, DType::f32, random, std::move(groups)));
  return spec;
}

const std::vector<Bytes> kInput{bytes_of({1, 2, 3, 4})};

Status run_once(TestDevice& device, const StageSpec& spec) {
  auto stage = TestStage::make(device, spec);
  if (!stage.ok()) return stage.status();
  return (*stage)->run(BatchSpec::of(1), kInput).status();
}

// A device is opened, used and closed by one thread.
Status run_half(std::uint32_t index, std::vector<std::uint32_t> groups, const char* timeout_ms,
                int times) {
  TestDevice device("rendezvous", {{"timeout_ms", timeout_ms}}, index);
  for (int i = 0; i < times; ++i) SYNFIRE_RETURN_IF_ERROR(run_once(device, ffn_stage(groups)));
  return {};
}

TEST(RendezvousBackend, HalvesThatRunAtTheSameTimeMeet) {
  TestDevice holder("rendezvous", {}, 0);  // keeps the count of arrivals over both openings
  Status second;
  std::thread other([&] { second = run_half(1, {1}, "60000", 3); });
  const Status first = run_half(0, {0, 2}, "60000", 3);
  other.join();
  EXPECT_TRUE(first.ok()) << first.to_string();
  EXPECT_TRUE(second.ok()) << second.to_string();
}

TEST(RendezvousBackend, AHalfAloneTimesOut) {
  const Status status = run_half(0, {0}, "1", 1);
  EXPECT_EQ(status.code(), StatusCode::deadline_exceeded) << status.to_string();
  EXPECT_THAT(status.message(), testing::HasSubstr("other device did not start"));
}

TEST(RendezvousBackend, OneHalfAfterTheOtherTimesOut) {
  TestDevice first("rendezvous", {{"timeout_ms", "1"}}, 0);
  TestDevice second("rendezvous", {{"timeout_ms", "1"}}, 1);
  EXPECT_EQ(run_once(first, ffn_stage({0})).code(), StatusCode::deadline_exceeded);
  EXPECT_TRUE(run_once(second, ffn_stage({1})).ok());  // the first has come, and has gone
  EXPECT_EQ(run_once(second, ffn_stage({1})).code(), StatusCode::deadline_exceeded);
}

TEST(RendezvousBackend, AbortEndsTheWait) {
  TestDevice device("rendezvous", {{"timeout_ms", "60000"}}, 0);
  std::thread other([aborter = device->aborter()] { aborter.abort(); });
  EXPECT_EQ(run_once(device, ffn_stage({0})).code(), StatusCode::aborted);
  other.join();
}

}  // namespace
}  // namespace synfire::ops_test
