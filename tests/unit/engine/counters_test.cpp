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
  SYNFIRE_SHARED_OR_SKIP(file, "models/synfire-tiny/synfire-tiny.golden.gguf");
  const auto golden = Golden::open(file);
  ASSERT_TRUE(golden.ok());
  const auto tokens = golden->prompts().front().tokens;
  std::uint64_t surely = 0, perhaps = 0;  // positive, in another's arithmetic
  for (const GoldenLayer& layer : golden->layers()) {
    ASSERT_TRUE(layer.gate);
    for (const float gate : layer.gate->values) {
      surely += gate > 1e-3F;
      perhaps += gate > -1e-3F;
    }
  }
  EngineConfig config = test::engine_config("", GetParam());
  config.model = test::shared_file("models/synfire-tiny/synfire-tiny-f16.gguf");
  config.predictor = "exact";
  const auto engine = Engine::make(config);
  ASSERT_TRUE(engine.ok()) << engine.status().to_string();
  ASSERT_TRUE((*engine)->logits(tokens).ok());
  const DeviceCounts counts = (*engine)->devices().front().counts;
  EXPECT_GE(counts.active, surely);
  EXPECT_LE(counts.active, perhaps);
  EXPECT_LT(perhaps - surely, surely / 50);
  const ModelInfo model = (*engine)->model();
  const std::uint64_t neurons = std::uint64_t{model.n_layers} * model.d_ff;
  EXPECT_EQ(counts.neurons, neurons * tokens.size());
  EXPECT_EQ(counts.gate_rows, neurons);  // all tokens share a read
  EXPECT_LE(counts.up_rows, neurons);
  EXPECT_EQ(counts.down_rows, counts.up_rows);
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
