// The engine against reference answers, over devices, placements and predictors.
#include <string>

#include <gtest/gtest.h>

#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/unit/engine/golden_logits.hpp"

namespace synfire {
namespace {

struct Case {
  std::string model, golden, devices;
  std::optional<PlacementKind> placement;
  std::optional<double> split;
  std::string predictor;
  double tolerance;
};

void PrintTo(const Case& c, std::ostream* out) {
  constexpr const char* kKinds[] = {"single", "layer", "neuron", "shard"};
  *out << c.model << " on " << c.devices << " placement "
       << (c.placement ? kKinds[static_cast<int>(*c.placement)] : "default") << " split "
       << c.split.value_or(-1) << " predictor " << c.predictor;
}

class EngineGolden : public testing::TestWithParam<Case> {};

TEST_P(EngineGolden, LogitsAreTheReferences) {
  const Case& c = GetParam();
  const Result<Golden> golden = Golden::open(test::data_file(c.golden));
  ASSERT_TRUE(golden.ok()) << golden.status().to_string();
  EngineConfig config = test::engine_config(c.model, c.devices);
  config.placement = c.placement;
  config.split = c.split;
  config.predictor = c.predictor;
  config.kv_dtype = "f32";    // F16 loses more than the tolerance
  config.prefill_chunk = 16;  // several steps per prompt
  test::expect_golden_logits(config, *golden, c.tolerance);
}

std::vector<Case> cases() {
  const std::string stories = "stories260K/stories260K-f32.gguf",
                    stories_golden = "stories260K/stories260K.golden.gguf";
  const std::string arcee = "arcee/arcee-random-f32.gguf",
                    arcee_golden = "arcee/arcee-random.golden.gguf";
  std::vector<Case> all;
  for (const char* device : {"reference:0", "cpu:0", "async:0"}) {
    all.push_back({stories, stories_golden, device, {}, {}, "none", 1e-3});
    for (const char* predictor : {"none", "exact"})
      all.push_back({arcee, arcee_golden, device, {}, {}, predictor, 1e-3});
  }
  for (const char* devices : {"reference:0,reference:0", "cpu:0,reference:0", "cpu:0,async:0",
                              "async:0,cpu:0", "cpu:0[cores=0],cpu:0[cores=1]"}) {
    all.push_back({arcee, arcee_golden, devices, PlacementKind::layer, {}, "exact", 1e-3});
    for (const double split : {0.0, 0.1, 0.5, 1.0}) {
      all.push_back({stories, stories_golden, devices, PlacementKind::neuron, split, "none", 1e-3});
      all.push_back({arcee, arcee_golden, devices, PlacementKind::neuron, split, "exact", 1e-3});
    }
  }
  for (const char* devices : {"cpu:0,reference:0", "cpu:0,async:0", "async:0,cpu:0",
                              "cpu:0[cores=0],cpu:0[cores=1]", "reference:0,async:0,cpu:0"}) {
    const bool three = devices == std::string("reference:0,async:0,cpu:0");
    for (const double split : {0.25, 0.5, 0.75})  // of 4 KV heads; 3 of them leave one for two
      if (!three || split < 0.75)
        all.push_back(
            {stories, stories_golden, devices, PlacementKind::shard, split, "none", 1e-3});
    if (three) continue;  // arcee has 2 KV heads
    for (const char* predictor : {"none", "exact"})
      all.push_back({arcee, arcee_golden, devices, PlacementKind::shard, {}, predictor, 1e-3});
  }
  return all;
}

// PowerInfer's own predictors, whose misses change the answers: the golden has them too.
class EngineGoldenMlp : public testing::TestWithParam<const char*> {};

TEST_P(EngineGoldenMlp, PowerInfersPredictors) {
  SYNFIRE_SHARED_OR_SKIP(model, "models/synfire-tiny/synfire-tiny.powerinfer.gguf");
  SYNFIRE_SHARED_OR_SKIP(answers, "models/synfire-tiny/synfire-tiny.powerinfer.golden.gguf");
  const Result<Golden> golden = Golden::open(answers);
  ASSERT_TRUE(golden.ok()) << golden.status().to_string();
  EngineConfig config = test::engine_config("", GetParam());
  config.model = model;
  const auto worst = [&](const std::string& predictor) {
    config.predictor = predictor;
    const auto engine = Engine::make(config);
    EXPECT_TRUE(engine.ok()) << engine.status().to_string();
    EXPECT_EQ((*engine)->placement().predictor, predictor);
    const auto& prompt = golden->prompts().front();
    const auto logits = (*engine)->logits(prompt.tokens);
    EXPECT_TRUE(logits.ok()) << logits.status().to_string();
    return test::worst_difference(*logits, prompt.logits->values);
  };
  // The file's threshold is the golden's.
  EXPECT_EQ(golden->predictor_threshold(), 0.0F);
  EXPECT_LE(worst("mlp"), 0.02);
  EXPECT_LE(worst("mlp[dtype=q8_0]"), 1);
  EXPECT_GT(worst("exact"), 0.1);  // the misses are seen
}

INSTANTIATE_TEST_SUITE_P(Devices, EngineGoldenMlp,
                         testing::Values("reference:0", "cpu:0", "cpu:0,async:0"));

INSTANTIATE_TEST_SUITE_P(Placements, EngineGolden, testing::ValuesIn(cases()));

}  // namespace
}  // namespace synfire
