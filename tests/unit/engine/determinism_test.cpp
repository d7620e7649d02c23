// The same bits over runs, thread counts and delays.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kChunk = 4;  // neurons: at least 8 chunks in each FFN, also in half of one

std::vector<float> logits(const std::string& devices, const std::string& predictor,
                          std::optional<double> split = {},
                          std::optional<PlacementKind> placement = {}) {
  EngineConfig config = test::engine_config("arcee/arcee-random-f32.gguf", devices);
  config.predictor = predictor;
  config.split = split;
  config.placement = placement;
  config.ffn_chunk = kChunk;
  config.prefill_chunk = 5;
  const auto engine = Engine::make(config);
  EXPECT_TRUE(engine.ok()) << engine.status().to_string();
  if (!engine.ok()) return {};
  std::vector<std::int32_t> tokens;
  for (std::int32_t i = 0; i < 23; ++i) tokens.push_back(i * 37 % 512);
  const auto result = (*engine)->logits(tokens);
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return result.ok() ? *result : std::vector<float>();
}

class Determinism : public testing::TestWithParam<const char*> {};

TEST_P(Determinism, OneDevice) {
  const std::vector<float> first = logits("cpu:0[threads=1]", GetParam());
  ASSERT_FALSE(first.empty());
  for (int run = 0; run < 5; ++run)
    for (const char* devices : {"cpu:0[threads=1]", "cpu:0[threads=2]", "cpu:0[threads=4]"})
      EXPECT_EQ(logits(devices, GetParam()), first) << devices << " run " << run;
}

TEST_P(Determinism, TwoHalvesOfACpu) {
  const std::vector<float> first = logits("cpu:0[threads=1],cpu:0[threads=1]", GetParam(), 0.5);
  for (int run = 0; run < 5; ++run)
    for (const char* devices :
         {"cpu:0[cores=0],cpu:0[cores=1]", "cpu:0[threads=2],cpu:0[threads=4]"})
      EXPECT_EQ(logits(devices, GetParam(), 0.5), first) << devices << " run " << run;
}

TEST_P(Determinism, LayersOnTwoDevices) {
  const auto layers = [](const std::string& devices, const std::string& predictor) {
    return logits(devices, predictor, {}, PlacementKind::layer);
  };
  const std::vector<float> first = layers("cpu:0[threads=1],async:0", GetParam());
  for (int run = 0; run < 5; ++run)
    EXPECT_EQ(layers("cpu:0[threads=2],async:0[delay_us=300,seed=" + std::to_string(run) + "]",
                     GetParam()),
              first)
        << run;
}

TEST_P(Determinism, ShardsOnTwoDevices) {
  const auto shards = [](const std::string& devices, const std::string& predictor) {
    return logits(devices, predictor, 0.5, PlacementKind::shard);
  };
  const std::vector<float> first = shards("cpu:0[threads=1],cpu:0[threads=1]", GetParam());
  ASSERT_FALSE(first.empty());
  for (int run = 0; run < 5; ++run)
    for (const char* devices :
         {"cpu:0[cores=0],cpu:0[cores=1]", "cpu:0[threads=2],cpu:0[threads=4]"})
      EXPECT_EQ(shards(devices, GetParam()), first) << devices << " run " << run;
  const std::vector<float> mixed = shards("cpu:0[threads=1],async:0", GetParam());
  for (int run = 0; run < 5; ++run)
    EXPECT_EQ(shards("cpu:0[threads=2],async:0[delay_us=300,seed=" + std::to_string(run) + "]",
                     GetParam()),
              mixed)
        << run;
}

TEST_P(Determinism, DelaysOnAnAsynchronousDevice) {
  const std::vector<float> first = logits("cpu:0[threads=1],async:0", GetParam(), 0.4);
  for (int run = 0; run < 5; ++run) {
    const std::string delays = "async:0[delay_us=300,seed=" + std::to_string(run) + "]";
    EXPECT_EQ(logits("cpu:0[threads=2]," + delays, GetParam(), 0.4), first) << run;
  }
}

INSTANTIATE_TEST_SUITE_P(Predictors, Determinism, testing::Values("none", "exact"),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace synfire
