// What an engine's devices say that they read, against the goldens and against each other.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/engine/engine.hpp"
#include "core/model/golden.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

constexpr const char* kArcee = "arcee/arcee-random-f32.gguf";  // no gates: up rows decide
constexpr std::uint64_t kLayers = 2, kNeurons = 256;

std::unique_ptr<Engine> make(const char* device, const char* predictor) {
  EngineConfig config = test::engine_config(kArcee, device);
  config.predictor = predictor;
  auto engine = Engine::make(config);
  EXPECT_TRUE(engine.ok()) << engine.status().to_string();
  return engine.ok() ? *std::move(engine) : nullptr;
}

DeviceCounts generate(Engine& engine, std::uint32_t steps) {
  const auto sink = std::make_shared<test::RecordingSink>();
  EXPECT_TRUE(engine.submit(test::greedy({1}, steps), sink).ok());
  EXPECT_EQ(sink->wait().reason, FinishReason::length);
  return engine.devices().front().counts;
}

class DeviceCountsTest : public testing::TestWithParam<const char*> {};

TEST_P(DeviceCountsTest, ExactCountsThePositiveGatesOfTheGolden) {
  const auto golden = Golden::open(test::data_file("arcee/arcee-random.golden.gguf"));
  ASSERT_TRUE(golden.ok());
  const auto tokens = golden->prompts().front().tokens;
  std::uint64_t positive = 0;
  for (const GoldenLayer& layer : golden->layers()) {
    ASSERT_TRUE(layer.gate);
    for (const float gate : layer.gate->values) positive += gate > 0;
  }
  const auto engine = make(GetParam(), "exact");
  ASSERT_TRUE(engine->logits(tokens).ok());
  const DeviceCounts counts = engine->devices().front().counts;
  EXPECT_EQ(counts.active, positive);
  EXPECT_EQ(counts.neurons, kLayers * kNeurons * tokens.size());
  EXPECT_EQ(counts.up_rows, kLayers * kNeurons);  // all tokens share a read
  EXPECT_EQ(counts.gate_rows, 0U);
  EXPECT_EQ(counts.tokens, tokens.size());
}

TEST_P(DeviceCountsTest, OfAPredictionOnlyThePredictedAreAskedAndTheFiredReadOn) {
  constexpr std::uint64_t kSteps = 5;
  const auto exact_engine = make(GetParam(), "exact"),
             predicted_engine = make(GetParam(), "oracle");
  const DeviceCounts exact = generate(*exact_engine, kSteps);
  EXPECT_EQ(exact.up_rows, kLayers * kNeurons * kSteps);
  EXPECT_EQ(exact.down_rows, exact.active);  // a token at a time
  EXPECT_GT(exact.active, 0U);
  EXPECT_LT(exact.active, exact.neurons);
  const DeviceCounts predicted = generate(*predicted_engine, kSteps);
  EXPECT_EQ(predicted.up_rows, exact.active);  // the oracle names what fires, and nothing else
  EXPECT_EQ(predicted.down_rows, exact.active);
  EXPECT_EQ(predicted.active, exact.active);
  EXPECT_EQ(predicted.neurons, exact.neurons);
  EXPECT_EQ(predicted.neuron_bytes, 2 * exact.active * 64 * sizeof(float));
}

TEST_P(DeviceCountsTest, AThresholdAboveAllScoresReadsNoNeuron) {
  EngineConfig config = test::engine_config(kArcee, GetParam());
  config.predictor = "oracle";
  config.predictor_threshold = 1e30;
  const auto engine = Engine::make(config);
  ASSERT_TRUE(engine.ok());
  const DeviceCounts counts = generate(**engine, 3);
  EXPECT_EQ(counts.neurons, kLayers * kNeurons * 3);
  EXPECT_EQ(counts.neuron_bytes + counts.active + counts.up_rows + counts.down_rows, 0U);
  EXPECT_GT(counts.weight_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceCountsTest,
                         testing::Values("reference:0", "cpu:0", "async:0"),
                         [](const auto& device) { return std::string(device.param).substr(0, 3); });

}  // namespace
}  // namespace synfire
