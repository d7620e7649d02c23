#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/engine/collect_ffn_inputs.hpp"
#include "core/engine/engine.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/runtime/threshold_fit.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/random_windows.hpp"
#include "tests/support/tiny_model.hpp"
#include "tests/unit/engine/golden_logits.hpp"

// Small activations left out, of models that were not trained for it.
namespace synfire {
namespace {

using testing::Contains;
using testing::HasSubstr;
using Tokens = std::vector<std::int32_t>;

constexpr std::uint32_t kVocab = 101, kWidth = 256, kNeurons = 256, kLayers = 2;

std::vector<Tokens> random_windows(std::size_t n, std::size_t length, unsigned seed) {
  return test::random_windows(n, length, kVocab, seed);
}

// A file of a tiny random SiLU model, in a folder of its own.
class ThresholdEngineTest : public testing::Test {
 protected:
  ThresholdEngineTest() { save("silu", DType::f32); }

  void save(const std::string& activation, DType down) const {
    test::TinyModel({.activation = activation,
                     .n_layers = kLayers,
                     .d_model = kWidth,
                     .d_ff = kNeurons,
                     .n_heads = 4,
                     .n_kv_heads = 2,
                     .n_vocab = kVocab,
                     .down_dtype = down})
        .save(path());
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "tiny.gguf"; }

  EngineConfig config(const std::string& predictor, const std::string& devices = "cpu:0") const {
    EngineConfig config = test::engine_config("", devices);
    config.model = path();
    config.predictor = predictor;
    config.kv_dtype = "f32";   // else rounding moves gates over their thresholds
    config.max_sequences = 1;  // steps hold at least as many tokens
    return config;
  }
  static std::unique_ptr<Engine> make(const EngineConfig& config) {
    auto engine = Engine::make(config);
    EXPECT_TRUE(engine.ok()) << engine.status().to_string();
    return engine.ok() ? *std::move(engine) : nullptr;
  }
  // Of `n` tokens, so that they are read in one step: 1 decodes, many take the way of prompts.
  std::vector<float> logits(const EngineConfig& config, std::size_t n = 30) const {
    const auto engine = make(config);
    if (engine == nullptr) return {};
    const auto logits = engine->logits(random_windows(1, n, 99).front());
    EXPECT_TRUE(logits.ok()) << logits.status().to_string();
    return logits.ok() ? *logits : std::vector<float>();
  }
  std::vector<FittedThreshold> fit(double skip) const {
    EngineConfig how = config("none");
    how.tap = SF_TAP_FFN_INPUT;
    const auto engine = make(how);
    const auto inputs =
        collect_ffn_inputs(*engine, random_windows(16, 60, 1), false, [](std::size_t) {});
    EXPECT_TRUE(inputs.ok()) << inputs.status().to_string();
    const auto file = GgufFile::open(path());
    const auto fitted =
        fit_thresholds(*build_program(*file), *file, *inputs, {skip}, [](std::size_t) {});
    EXPECT_TRUE(fitted.ok()) << fitted.status().to_string();
    say(*fitted);
    return *fitted;
  }
  static std::vector<FittedThreshold> thresholds(float first, float second) {
    const std::vector<float> weights(kNeurons, 1.0F);
    return {{first, 0.5, 0, weights}, {second, 0.5, 0, weights}};
  }
  void say(const std::vector<FittedThreshold>& thresholds) const {
    const Status written =
        write_thresholds(predictor_sidecar(path(), "threshold"), thresholds, {0.5});
    EXPECT_TRUE(written.ok()) << written.to_string();
  }

 private:
  test::TempDir folder_;
};

// A gate within rounding of its threshold may fall on either side: those of the test's tokens do
// not.
TEST_F(ThresholdEngineTest, EveryBackendLeavesTheSameNeuronsOut) {
  fit(0.4);
  const std::vector<float> want = logits(config("threshold", "reference:0"));
  EXPECT_GT(test::worst_difference(want, logits(config("none", "reference:0"))), 0.05);
  EXPECT_LT(test::worst_difference(want, logits(config("threshold"))), 2e-3);
  for (const double split : {0.3, 0.7}) {
    EngineConfig shared = config("threshold", "cpu:0,async:0");
    shared.split = split;
    EXPECT_LT(test::worst_difference(want, logits(shared)), 2e-3);
  }
}

TEST_F(ThresholdEngineTest, StepsOfAnySizeAgree) {
  fit(0.4);
  EngineConfig how = config("threshold");
  const std::vector<float> want = logits(how);
  for (const std::uint32_t chunk : {1U, 7U, 20U}) {  // decode, a few pairs, many
    how.prefill_chunk = chunk;
    EXPECT_LT(test::worst_difference(want, logits(how)), 2e-3) << chunk;
  }
}

TEST_F(ThresholdEngineTest, ThreadsAndRunsGiveTheSameBits) {
  fit(0.4);
  for (const std::uint32_t chunk : {1U, 128U}) {
    EngineConfig how = config("threshold");
    how.prefill_chunk = chunk;
    how.threads = 1;
    const std::vector<float> once = logits(how);
    EXPECT_EQ(logits(how), once);
    how.threads = 2;
    EXPECT_EQ(logits(how), once);
  }
}

// From the dense answer to that of no FFN at all.
TEST_F(ThresholdEngineTest, MoreLeftOutIsFartherFromDense) {
  const std::vector<float> dense = logits(config("none"));
  const auto rms = [&](const std::vector<float>& other) {
    double sum = 0;
    for (std::size_t i = 0; i < dense.size(); ++i) sum += std::pow(dense[i] - other[i], 2);
    return std::sqrt(sum / static_cast<double>(dense.size()));
  };
  double less = -1;
  for (const double skip : {0.0, 0.3, 0.5, 0.7, 0.8}) {
    fit(skip);
    const double more = rms(logits(config("threshold")));
    EXPECT_GT(more, less) << skip;
    less = more;
  }
  EngineConfig how = config("threshold");
  how.predictor_threshold = 1e30;  // for every layer, instead of its own
  EXPECT_GT(rms(logits(how)), less);
  how.predictor_threshold = 0;
  EXPECT_LT(rms(logits(how)), 1e-4);
}

TEST_F(ThresholdEngineTest, OfAReluZeroIsExact) {
  save("relu", DType::f32);
  say(thresholds(0, 0));
  EXPECT_LT(test::worst_difference(logits(config("threshold")), logits(config("exact"))), 1e-3);
}

TEST_F(ThresholdEngineTest, NeverTheDefault) {
  fit(0.4);
  EXPECT_EQ(make(config(""))->placement().predictor, "none");
  save("relu", DType::f32);
  EXPECT_EQ(make(config(""))->placement().predictor, "exact");
}

TEST_F(ThresholdEngineTest, ItIsSaidThatItLoses) {
  say(thresholds(0.125F, 0.25F));
  EXPECT_THAT(
      make(config("threshold"))->placement().notes,
      Contains("predictor threshold: lossy: leaves out neurons whose weighed |act(gate)| is at "
               "most 0.125 to 0.25, by layer"));
}

TEST_F(ThresholdEngineTest, WithoutAFitTheErrorSaysWhatMakesOne) {
  EXPECT_THAT(Engine::make(config("threshold")).status().message(),
              HasSubstr("number threshold.blk.0.threshold: missing; `synfire predictor fit --type "
                        "threshold` makes it"));
}

// What is left would cost more, row by row, than all neurons.
TEST_F(ThresholdEngineTest, WhereItDoesNotPayNothingIsLeftOut) {
  fit(0.1);
  EXPECT_THAT(make(config("threshold"))->placement().notes,
              Contains("predictor threshold: leaves nothing out"));
  EXPECT_EQ(logits(config("threshold")), logits(config("none")));
  EngineConfig how = config("threshold");
  how.predictor_threshold = 1e30;  // another threshold than was fitted leaves out another share
  EXPECT_GT(test::worst_difference(logits(how), logits(config("none"))), 0.05);
}

// Blocks of 4 bits along the neurons cannot stay; wider ones would be more bytes than are saved.
TEST_F(ThresholdEngineTest, DownRowsAreRequantizedAsTheOptionSays) {
  save("silu", DType::q4_1);
  fit(0.6);
  const auto notes = [&](const std::string& predictor, const std::string& dtype) {
    EngineConfig how = config(predictor);
    how.down_dtype = dtype;
    return make(how)->placement().notes;
  };
  EXPECT_THAT(notes("threshold", ""), Contains(HasSubstr("ffn_down: Q4_1 requantized to Q8_0")));
  EXPECT_THAT(notes("threshold", "f16"), Contains(HasSubstr("Q4_1 requantized to F16")));
  EXPECT_THAT(notes("threshold", "q4_0"), Contains(HasSubstr("Q4_1 requantized to Q4_0")));
  EngineConfig bad = config("threshold");
  bad.down_dtype = "i8";
  EXPECT_EQ(Engine::make(bad).status().message(), "down dtype: 'i8', want f16, q8_0 or q4_0");
  EngineConfig wide = config("threshold");
  wide.down_dtype = "f16";
  const std::vector<float> want = logits(wide);
  const float largest = std::abs(*std::max_element(
      want.begin(), want.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  for (const auto& [dtype, tolerance] :
       {std::pair("q8_0", 0.05 * largest), std::pair("q4_0", 0.25 * largest)}) {
    EngineConfig how = config("threshold");
    how.down_dtype = dtype;
    const double worst = test::worst_difference(want, logits(how));
    EXPECT_LT(worst, tolerance) << dtype;
    EXPECT_GT(worst, 0) << dtype;
  }
}

}  // namespace
}  // namespace synfire
