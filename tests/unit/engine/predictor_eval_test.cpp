// What `predictor eval` counts, against decoding token by token, and the points that it picks.
#include "core/engine/predictor_eval.hpp"

#include <cmath>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/engine/collect_ffn_inputs.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/runtime/layer_choices.hpp"
#include "core/runtime/operating_point.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "core/runtime/sampling/logprobs.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/random_windows.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;
using Tokens = std::vector<std::int32_t>;

constexpr std::uint32_t kVocab = 101, kNeurons = 256, kLayers = 2;

std::vector<Tokens> random_windows(std::size_t n, std::size_t length, unsigned seed) {
  return test::random_windows(n, length, kVocab, seed);
}

class PredictorEvalTest : public testing::Test {
 protected:
  PredictorEvalTest() {
    test::TinyShape shape;
    shape.n_layers = kLayers;
    shape.d_model = 64;
    shape.d_ff = kNeurons;
    shape.n_heads = 4;
    shape.n_kv_heads = 2;
    shape.n_vocab = kVocab;
    shape.predictor_rank = 32;
    shape.neuron_major_down = true;
    test::TinyModel(shape).save(path());
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "tiny.gguf"; }
  [[nodiscard]] std::filesystem::path sidecar(const std::string& type) const {
    return predictor_sidecar(path(), type);
  }
  [[nodiscard]] EngineConfig config(const std::string& predictor) const {
    EngineConfig config = test::engine_config("", "cpu:0");
    config.model = path();
    config.predictor = predictor;
    return config;
  }
  [[nodiscard]] PredictorEval eval(std::span<const Tokens> windows) const {
    auto made = PredictorEval::make(config(""), windows,
                                    [](const std::string&, std::size_t, std::size_t) {});
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return *std::move(made);
  }
  [[nodiscard]] std::vector<LayerChoices> choices(const PredictorFitOptions& options) const {
    EngineConfig how = config("exact");
    how.tap = options.tap();
    const auto engine = Engine::make(how);
    const auto inputs = collect_ffn_inputs(**engine, random_windows(40, 60, 1),
                                           options.wants_moments(), [](std::size_t) {});
    const auto file = GgufFile::open(path());
    const auto program = build_program(*file, "");
    std::vector<LayerChoices> layers;
    for (std::uint32_t i = 0; i < kLayers; ++i) {
      auto layer = fit_layer_choices(*program, *file, i, (*inputs)[i], options);
      EXPECT_TRUE(layer.ok()) << layer.status().to_string();
      layers.push_back(*std::move(layer));
    }
    return layers;
  }
  void fit(const std::string& type, double error) const {
    PredictorFitOptions options;
    options.type = type;
    options.max_loss = 0.01;
    const Status written =
        write_predictor(sidecar(type), choose_layers(choices(options), error), options);
    ASSERT_TRUE(written.ok()) << written.to_string();
  }

 private:
  test::TempDir folder_;
};

// The same tokens one by one: the device's own counts, and the logits that it then has.
TEST_F(PredictorEvalTest, CountsAreThoseOfDecoding) {
  fit("svd", 0.05);
  const std::vector<Tokens> windows = random_windows(2, 40, 5);
  const PredictorEval eval = this->eval(windows);
  for (const std::string predictor : {"exact", "svd", "mlp"}) {
    SCOPED_TRACE(predictor);
    OperatingPoint point = eval.exact();
    if (predictor != "exact") {
      const auto at = eval.at(predictor, std::nullopt);
      ASSERT_TRUE(at.ok()) << at.status().to_string();
      point = *at;
    }
    EngineConfig how = config(predictor);
    how.prefill_chunk = how.max_sequences = 1;  // steps of one token
    const auto engine = Engine::make(how);
    double nll = 0;
    for (const Tokens& window : windows) {
      const auto logits = (*engine)->logits(window);
      ASSERT_TRUE(logits.ok());
      for (std::size_t t = 1; t < window.size(); ++t)
        nll += *negative_log_likelihood(std::span(*logits).subspan((t - 1) * kVocab, kVocab),
                                        window[t]);
    }
    const DeviceCounts counts = (*engine)->devices().front().counts;
    const DecisionCounts total = point.total();
    EXPECT_EQ(total.tokens, 2U * 40 * kLayers);
    EXPECT_EQ(total.neurons, counts.neurons);
    // Sums in another order may put a score on the other side of the cut.
    EXPECT_NEAR(static_cast<double>(total.predicted), static_cast<double>(counts.gate_rows),
                2e-3 * static_cast<double>(counts.gate_rows));
    EXPECT_NEAR(static_cast<double>(total.both), static_cast<double>(counts.up_rows),
                2e-3 * static_cast<double>(counts.up_rows));
    EXPECT_NEAR(point.text.mean_nll(), nll / (2 * 39), 1e-3);
    EXPECT_NEAR(point.ffn_bytes * 2 * 40,
                static_cast<double>(counts.neuron_bytes) +
                    (predictor == "exact"
                         ? 0.0
                         : static_cast<double>((*engine)->placement().predictor_bytes) * 2 * 40),
                0.01 * point.ffn_bytes * 2 * 40);
  }
}

TEST_F(PredictorEvalTest, AllPredictedIsExactAndNothingPredictedIsNot) {
  const std::vector<Tokens> windows = random_windows(3, 30, 6);
  const PredictorEval eval = this->eval(windows);
  const auto all = eval.at("mlp", -1e30), nothing = eval.at("mlp", 1e30);
  ASSERT_TRUE(all.ok() && nothing.ok());
  EXPECT_EQ(all->total().recall(), 1);
  EXPECT_EQ(all->total().precision(), all->total().fired_share());
  EXPECT_NEAR(all->loss, 0, 1e-4);
  EXPECT_GT(all->ffn_bytes, eval.exact().ffn_bytes);  // by the predictor
  EXPECT_EQ(nothing->total().predicted, 0U);
  EXPECT_EQ(nothing->total().recall(), 0);
  EXPECT_LT(nothing->total().precision(), 0);  // of nothing there is none
  EXPECT_GT(std::fabs(nothing->loss), 0.01);
}

TEST_F(PredictorEvalTest, ThePickedPointKeepsToTheLossAndIsTheCheapestTried) {
  fit("svd", 0.05);
  const std::vector<Tokens> windows = random_windows(4, 50, 7);
  const PredictorEval eval = this->eval(windows);
  std::vector<OperatingPoint> tried;
  const auto point = eval.cheapest("svd", 0.02, tried);
  ASSERT_TRUE(point.ok()) << point.status().to_string();
  EXPECT_LE(point->loss, 0.02);
  EXPECT_GT(tried.size(), 3U);
  for (const OperatingPoint& other : tried)
    EXPECT_TRUE(other.loss > 0.02 || other.ffn_bytes >= point->ffn_bytes) << other.threshold;
  // Kept, it is what the predictor does by itself.
  const std::vector<PredictionQuality> quality(kLayers, {0.5, 0.25, 0.125, 0.0625});
  ASSERT_TRUE(store_operating_point(sidecar("svd"), "svd", point->threshold, quality).ok());
  const auto again = eval.at("svd", std::nullopt);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_FLOAT_EQ(static_cast<float>(again->threshold), static_cast<float>(point->threshold));
  EXPECT_EQ(again->total().predicted, point->total().predicted);
  EXPECT_EQ(*GgufFile::open(sidecar("svd"))->get<double>("svd.blk.1.recall"), 0.5);
}

TEST_F(PredictorEvalTest, LessErrorReadsMoreAndFitsRepeat) {
  for (const char* type : {"svd", "signbit"}) {
    SCOPED_TRACE(type);
    PredictorFitOptions options;
    options.type = type;
    options.max_loss = 0.01;
    const std::vector<LayerChoices> layers = choices(options), again = choices(options);
    double last = 0;
    for (const double error : {0.3, 0.1, 0.03, 0.01}) {
      const std::vector<FittedLayer> made = choose_layers(layers, error);
      double predicted = 0;
      for (const FittedLayer& layer : made) predicted += layer.quality.predicted;
      EXPECT_GE(predicted, last) << error;
      last = predicted;
      const std::vector<FittedLayer> repeated = choose_layers(again, error);
      for (std::size_t i = 0; i < made.size(); ++i)
        for (std::size_t t = 0; t < made[i].tensors.size(); ++t)
          EXPECT_EQ(made[i].tensors[t].data, repeated[i].tensors[t].data);
    }
    EXPECT_GT(last, 0.1);
  }
}

// The shares that a fit says of itself on inputs held out, and those that an engine then counts.
TEST_F(PredictorEvalTest, TrainedPredictorsDoWhatTheirFitSays) {
  PredictorFitOptions options;
  options.type = "mlp";
  options.max_loss = 0.01;
  options.rank = 32;
  const std::vector<LayerChoices> trained = choices(options);
  double last = 0;
  for (const double error : {0.3, 0.1, 0.03, 0.01}) {  // the less, the more is read
    double predicted = 0;
    for (const FittedLayer& layer : choose_layers(trained, error))
      predicted += layer.quality.predicted;
    EXPECT_GT(predicted, last) << error;
    last = predicted;
  }
  const std::vector<FittedLayer> layers = choose_layers(trained, 0.05);
  auto writer = staged_predictor(sidecar("mlp"), layers, options);
  ASSERT_TRUE(writer.ok()) << writer.status().to_string();
  const std::vector<Tokens> windows = random_windows(10, 60, 9);
  const PredictorEval eval = this->eval(windows);
  const auto file = writer->readable();
  ASSERT_TRUE(file.ok());
  const auto own = eval.at("mlp", std::nullopt);  // of the model file
  const auto trial = eval.at("mlp", std::nullopt, *file);
  ASSERT_TRUE(own.ok() && trial.ok()) << trial.status().to_string();
  EXPECT_NE(own->total().predicted, trial->total().predicted);
  EXPECT_FALSE(std::filesystem::exists(sidecar("mlp")));
  for (std::uint32_t i = 0; i < kLayers; ++i) {
    EXPECT_NEAR(trial->text.layers[i].recall(), layers[i].quality.recall, 0.05);
    EXPECT_NEAR(trial->text.layers[i].predicted_share(), layers[i].quality.predicted, 0.05);
  }
  ASSERT_TRUE(writer->finish().ok());
  const auto kept = eval.at("mlp", std::nullopt);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->total().predicted, trial->total().predicted);
  EXPECT_EQ(kept->loss, trial->loss);
}

TEST_F(PredictorEvalTest, WhatCannotBeMeasuredIsNamed) {
  const std::vector<Tokens> windows = random_windows(1, 10, 8), single{{1}};
  const auto none = [](const std::string&, std::size_t, std::size_t) {};
  EXPECT_THAT(PredictorEval::make(config(""), single, none).status().message(),
              HasSubstr("want one of 2 tokens or more"));
  EngineConfig silu = config("");
  silu.ffn_activation = "silu";
  EXPECT_THAT(PredictorEval::make(silu, windows, none).status().message(), HasSubstr("silu"));
  EXPECT_THAT(eval(windows).at("svd", std::nullopt).status().message(),
              HasSubstr("svd.blk.0.a.weight: missing"));
  EXPECT_THAT(store_operating_point(sidecar("mlp"), "mlp", 0.5, {}).message(),
              HasSubstr("--predictor-threshold 0.5"));
  EngineConfig two = config("exact");
  two.devices = test::engine_config("", "cpu:0,async:0").devices;
  EXPECT_THAT(PredictorEval::make(two, windows, none).status().message(),
              HasSubstr("2 devices, want one"));
  fit("svd", 0.05);
  test::TinyShape other;
  other.d_model = 32;
  other.d_ff = kNeurons;
  other.n_vocab = kVocab;
  test::TinyModel(other).save(path());  // the sidecar is that of a model that was here before
  const auto stale = PredictorEval::make(config("exact"), windows, none);
  ASSERT_TRUE(stale.ok()) << stale.status().to_string();
  EXPECT_THAT(stale->at("svd", std::nullopt).status().message(), HasSubstr("svd"));
}

}  // namespace
}  // namespace synfire
