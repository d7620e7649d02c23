// Predictors end to end: fitted, found beside the model, run on one device and on two.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/engine/collect_ffn_inputs.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/model/golden.hpp"
#include "core/runtime/ffn_gates.hpp"
#include "core/runtime/fitted_tensor.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "core/sparsity/matrix_math.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/random_windows.hpp"
#include "tests/support/tiny_model.hpp"
#include "tests/unit/engine/golden_logits.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;
using Tokens = std::vector<std::int32_t>;

constexpr std::uint32_t kVocab = 101, kWidth = 64, kNeurons = 256, kLayers = 2;

std::vector<Tokens> random_windows(std::size_t n, std::size_t length, unsigned seed) {
  return test::random_windows(n, length, kVocab, seed);
}

// A file of a tiny random model with PowerInfer's predictors, in a folder of its own.
class PredictorEngineTest : public testing::Test {
 protected:
  PredictorEngineTest() {
    test::TinyShape shape;
    shape.n_layers = kLayers;
    shape.d_model = kWidth;
    shape.d_ff = kNeurons;
    shape.n_heads = 4;
    shape.n_kv_heads = 2;
    shape.n_vocab = kVocab;
    shape.predictor_rank = 32;
    shape.neuron_major_down = true;
    test::TinyModel(shape).save(path());
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "tiny.gguf"; }

  EngineConfig config(const std::string& predictor, const std::string& devices = "cpu:0") const {
    EngineConfig config = test::engine_config("", devices);
    config.model = path();
    config.predictor = predictor;
    config.kv_dtype = "f32";  // which devices do not round in ways of their own
    return config;
  }
  static std::unique_ptr<Engine> make(const EngineConfig& config) {
    auto engine = Engine::make(config);
    EXPECT_TRUE(engine.ok()) << engine.status().to_string();
    return engine.ok() ? *std::move(engine) : nullptr;
  }
  std::vector<float> logits(const EngineConfig& config) const {
    const auto engine = make(config);
    if (engine == nullptr) return {};
    const auto logits = engine->logits(random_windows(1, 20, 99).front());
    EXPECT_TRUE(logits.ok()) << logits.status().to_string();
    return logits.ok() ? *logits : std::vector<float>();
  }
  std::vector<FfnInputs> inputs(EngineConfig how, std::size_t windows,
                                std::uint32_t tap = SF_TAP_FFN_INPUT) const {
    how.tap = tap;
    const auto engine = make(how);
    if (engine == nullptr) return {};
    auto collected =
        collect_ffn_inputs(*engine, random_windows(windows, 60, 1), true, [](std::size_t) {});
    EXPECT_TRUE(collected.ok()) << collected.status().to_string();
    return collected.ok() ? *std::move(collected) : std::vector<FfnInputs>();
  }
  std::vector<FittedLayer> fit(const PredictorFitOptions& options) const {
    const auto file = GgufFile::open(path());
    const auto program = build_program(*file, "");
    EXPECT_TRUE(check_predictor_fit(*program, options).ok());
    const std::vector<FfnInputs> seen = inputs(config("exact"), 48, options.tap());
    std::vector<FittedLayer> layers;
    for (std::uint32_t i = 0; i < kLayers; ++i) {
      auto layer = fit_predictor_layer(*program, *file, i, seen[i], options);
      EXPECT_TRUE(layer.ok()) << layer.status().to_string();
      layers.push_back(*std::move(layer));
    }
    const Status written =
        write_predictor(predictor_sidecar(path(), options.type), layers, options);
    EXPECT_TRUE(written.ok()) << written.to_string();
    return layers;
  }

 private:
  test::TempDir folder_;
};

TEST_F(PredictorEngineTest, TapsSeeTheNormedInputOfEveryToken) {
  EngineConfig whole = config("exact");
  const std::vector<FfnInputs> at_once = inputs(whole, 4);
  whole.prefill_chunk = 7;
  const std::vector<FfnInputs> in_chunks = inputs(whole, 4);
  const std::vector<FfnInputs> split = inputs(config("exact", "cpu:0,async:0"), 4);
  ASSERT_EQ(at_once.size(), kLayers);
  for (std::uint32_t i = 0; i < kLayers; ++i) {
    EXPECT_EQ(at_once[i].n_rows, 3U * 60);  // the fourth window is held out
    ASSERT_EQ(at_once[i].calibration.n_rows(), 3U * 60);
    ASSERT_EQ(at_once[i].held_out.n_rows(), 60U);
    const std::vector<float> rows(at_once[i].calibration.rows().begin(),
                                  at_once[i].calibration.rows().end());
    for (std::size_t row = 0; row < 3U * 60; ++row) {
      double square = 0;
      for (std::size_t c = 0; c < kWidth; ++c) square += std::pow(rows[row * kWidth + c], 2);
      EXPECT_NEAR(square / kWidth, 1, 1e-3);  // all norm weights are 1
    }
    for (const std::vector<FfnInputs>* other : {&in_chunks, &split}) {
      const auto same = (*other)[i].calibration.rows();
      EXPECT_LT(test::worst_difference(rows, {same.begin(), same.end()}), 1e-3);
    }
    // The moments are of exactly those rows.
    double want = 0;
    for (std::size_t row = 0; row < 3U * 60; ++row)
      want += double{rows[row * kWidth + 5]} * rows[row * kWidth + 2];
    EXPECT_NEAR(at_once[i].moments[5 * kWidth + 2], want, 1e-3);
    double sum = 0;
    for (std::size_t row = 0; row < 3U * 60; ++row) sum += rows[row * kWidth + 5];
    EXPECT_NEAR(at_once[i].sums[5], sum, 1e-3);
  }
}

TEST_F(PredictorEngineTest, ObserveWantsATapAndTokens) {
  struct Nobody final : TapSink {
    void on_rows(std::uint32_t, std::span<const float>) override { ADD_FAILURE(); }
  } nobody;
  const auto without = make(config("exact"));
  EXPECT_EQ(without->observe(Tokens{1}, nobody).code(), StatusCode::failed_precondition);
  EngineConfig how = config("exact");
  how.tap = SF_TAP_FFN_INPUT;
  const auto engine = make(how);
  EXPECT_EQ(engine->observe(Tokens{}, nobody).code(), StatusCode::invalid_argument);
  EXPECT_EQ(engine->observe(Tokens{kVocab}, nobody).code(), StatusCode::invalid_argument);
  EXPECT_THAT(collect_ffn_inputs(*engine, random_windows(3, 5, 1), false, [](std::size_t) {})
                  .status()
                  .message(),
              HasSubstr("3 windows of tokens, want at least 4"));
}

// On tokens that the fit never saw, in the file's own words and to the wanted number.
TEST_F(PredictorEngineTest, FitsHaveTheRecallThatWasWanted) {
  for (const char* type : {"svd", "mlp", "signbit"}) {
    PredictorFitOptions options;
    options.type = type;
    options.rank = 32;
    options.recall = 0.9;
    for (const FittedLayer& layer : fit(options)) {
      EXPECT_NEAR(layer.quality.recall, 0.9, 0.03) << type;
      EXPECT_GT(layer.quality.precision, layer.quality.fired + 0.05) << type;  // it knows something
    }
    const auto sidecar = GgufFile::open(predictor_sidecar(path(), type));
    ASSERT_TRUE(sidecar.ok()) << sidecar.status().to_string();
    EXPECT_NEAR(*sidecar->get<double>(std::string(type) + ".blk.1.recall"), 0.9, 0.03);
  }
}

// What the engine says of the normed inputs, and what follows from the residual stream alone.
TEST_F(PredictorEngineTest, GatesFollowFromTheResidualStream) {
  const auto file = GgufFile::open(path());
  const auto program = build_program(*file, "");
  const std::vector<FfnInputs> normed = inputs(config("exact"), 4);
  const std::vector<FfnInputs> residual = inputs(config("exact"), 4, SF_TAP_FFN_RESIDUAL);
  for (std::uint32_t i = 0; i < kLayers; ++i) {
    const auto gates = FfnGates::make(*program, *file, i);
    ASSERT_TRUE(gates.ok()) << gates.status().to_string();
    const GgufTensor& rows = *file->tensor(fmt::format("blk.{}.ffn_gate.weight", i));
    const std::vector<float> want =
        multiply_transposed(normed[i].held_out.rows(), values_of(rows), kWidth);
    EXPECT_LT(test::worst_difference(gates->of(residual[i].held_out.rows()), want), 1e-3);
  }
}

TEST_F(PredictorEngineTest, TrainedPredictorsRepeatAndGrow) {
  PredictorFitOptions options;
  options.type = "mlp";
  const std::vector<FittedLayer> layers = fit(options);
  for (const FittedLayer& layer : layers) {
    EXPECT_EQ(layer.rank % 32, 0U);
    EXPECT_GE(layer.rank, 32U);
    EXPECT_LE(layer.rank, kWidth);
    ASSERT_EQ(layer.tensors.size(), 2U);
  }
  EXPECT_EQ(layers[0].tensors[0].dtype, DType::q8_0);
  options.dtype = DType::f16;
  options.rank = 40;
  const std::vector<FittedLayer> half = fit(options), again = fit(options);
  for (std::uint32_t i = 0; i < kLayers; ++i)
    for (std::size_t t = 0; t < 2; ++t)
      EXPECT_EQ(half[i].tensors[t].data, again[i].tensors[t].data);
  EXPECT_EQ(half[0].rank, 40U);
  EXPECT_EQ(half[0].tensors[0].dtype, DType::f16);
  EXPECT_EQ(half[0].tensors[1].dtype, DType::f16);
  EXPECT_TRUE(Engine::make(config("mlp")).ok());
}

TEST_F(PredictorEngineTest, WhitenedFitsOfMoreRankAreMorePrecise) {
  PredictorFitOptions options;
  options.signs = false;
  options.rank = 8;
  const double low = fit(options)[0].quality.precision;
  options.rank = 48;
  EXPECT_GT(fit(options)[0].quality.precision, low);
}

TEST_F(PredictorEngineTest, EveryPredictorAtItsExtremesAndOnTwoDevices) {
  for (const char* type : {"svd", "mlp", "signbit"}) {
    PredictorFitOptions options;
    options.type = type;
    options.rank = 32;
    options.recall = 0.99;
    fit(options);
  }
  const std::vector<float> exact = logits(config("exact"));
  EngineConfig none = config("oracle");  // scores by the gates themselves
  none.predictor_threshold = 1e30;
  const std::vector<float> nothing = logits(none);
  ASSERT_GT(test::worst_difference(exact, nothing), 1);
  for (const char* predictor :
       {"mlp", "mlp[from=model]", "mlp[dtype=q8_0,from=model]", "svd", "signbit"}) {
    SCOPED_TRACE(predictor);
    EngineConfig how = config(predictor);
    const std::vector<float> usual = logits(how);
    EXPECT_GT(test::worst_difference(usual, nothing), 1e-2);
    EXPECT_EQ(logits(how), usual);  // bit for bit
    how.predictor_threshold = -3e38;
    EXPECT_LT(test::worst_difference(logits(how), exact), 1e-2);
    how.predictor_threshold = 3e38;
    EXPECT_LT(test::worst_difference(logits(how), nothing), 1e-4);
    for (const char* devices : {"cpu:0,async:0", "async:0,cpu:0"}) {
      EngineConfig split = config(predictor, devices);
      split.split = 0.3;
      const auto engine = make(split);
      EXPECT_EQ(engine->placement().predictor, predictor);
      split.predictor_threshold = -3e38;
      EXPECT_LT(test::worst_difference(logits(split), exact), 2e-2) << devices;
    }
    // Predicted where the tap is: on the same device, so the same neurons.
    EngineConfig split = config(predictor, "cpu:0,async:0");
    EXPECT_LT(test::worst_difference(logits(split), usual), 2e-2);
  }
}

// PowerInfer's own file: what its predictors find at its threshold, and at others.
TEST(PowerInferPredictors, FewerNeuronsAboveAHigherThreshold) {
  SYNFIRE_SHARED_OR_SKIP(file, "models/synfire-tiny/synfire-tiny.powerinfer.gguf");
  SYNFIRE_SHARED_OR_SKIP(tokens_of, "models/synfire-tiny/synfire-tiny.powerinfer.golden.gguf");
  const auto golden = Golden::open(tokens_of);
  ASSERT_TRUE(golden.ok());
  const auto counts = [&](const char* predictor, std::optional<double> threshold) {
    EngineConfig config = test::engine_config("", "cpu:0");
    config.model = file;
    config.predictor = predictor;
    config.predictor_threshold = threshold;
    // Steps of one token: none asks for another's neurons.
    config.prefill_chunk = config.max_sequences = 1;
    const auto engine = Engine::make(config);
    EXPECT_TRUE(engine.ok()) << engine.status().to_string();
    EXPECT_TRUE((*engine)->logits(golden->prompts().front().tokens).ok());
    return (*engine)->devices().front().counts;
  };
  const DeviceCounts exact = counts("exact", {}), own = counts("mlp", {});
  EXPECT_EQ(own.gate_rows, counts("mlp", 0.0).gate_rows);  // the file's threshold
  const auto share = [&](const DeviceCounts& of) {
    return static_cast<double>(of.gate_rows) / static_cast<double>(exact.neurons);
  };
  EXPECT_NEAR(share(own), 0.21, 0.08);  // that of many texts, by the model's card
  EXPECT_GT(static_cast<double>(own.active), 0.9 * static_cast<double>(exact.active));
  EXPECT_LE(own.active, own.gate_rows);
  DeviceCounts less = counts("mlp", -1e30);
  EXPECT_EQ(less.gate_rows, exact.neurons);
  EXPECT_EQ(less.active, exact.active);
  for (const double threshold : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
    const DeviceCounts now = counts("mlp", threshold);
    EXPECT_LT(now.gate_rows, less.gate_rows) << threshold;
    EXPECT_LE(now.active, now.gate_rows);
    less = now;
  }
  EXPECT_EQ(counts("mlp", 1e30).gate_rows, 0U);
}

TEST_F(PredictorEngineTest, TheReportSaysWhatThePredictorCosts) {
  EXPECT_THAT(make(config("mlp"))->placement().notes,
              testing::Contains("predictor mlp: reads 0.08 MB per token; recall unknown, precision "
                                "unknown"));
  EXPECT_TRUE(make(config("exact"))->placement().notes.empty());
  PredictorFitOptions options;
  options.type = "signbit";
  fit(options);
  EXPECT_THAT(make(config("signbit"))->placement().notes,
              testing::Contains(testing::MatchesRegex(
                  "predictor signbit: reads 0.01 MB per token; recall 0.9[0-9]+, precision 0.*")));
}

TEST_F(PredictorEngineTest, WhatWasFittedIsTheDefault) {
  EXPECT_EQ(make(config(""))->placement().predictor, "exact");
  fit({});
  EXPECT_EQ(make(config(""))->placement().predictor, "svd");
  EngineConfig silu = config("");
  silu.ffn_activation = "silu";
  EXPECT_EQ(make(silu)->placement().predictor, "none");
}

TEST_F(PredictorEngineTest, OfTwoFilesTheModelsTensorsCount) {
  // A sidecar that claims another shape for a tensor that the model has.
  test::TinyModel other;
  other.tensors = {{"blk.0.fc1.weight", DType::f32, {3, 3}}};
  std::filesystem::create_directories(predictor_sidecar(path(), "mlp").parent_path());
  other.save(predictor_sidecar(path(), "mlp"));
  EXPECT_TRUE(Engine::make(config("mlp")).ok());
}

TEST_F(PredictorEngineTest, WhatIsMissingOrWrongIsNamed) {
  const auto fails = [&](const std::string& predictor) {
    return Engine::make(config(predictor)).status().message();
  };
  EXPECT_THAT(fails("svd"), HasSubstr("plugin svd: tensor svd.blk.0.a.weight: missing"));
  EXPECT_THAT(fails("mlp[rank=3]"), HasSubstr("plugin mlp: option rank is unknown"));
  EXPECT_THAT(fails("mlp[dtype"), HasSubstr("predictor 'mlp[dtype'"));
  EXPECT_THAT(fails("exact[dtype=f16]"), HasSubstr("want none for exact"));
  std::filesystem::create_directories(predictor_sidecar(path(), "svd"));  // a folder, no file
  EXPECT_THAT(fails("svd"), HasSubstr("predictor-svd.gguf"));
}

TEST_F(PredictorEngineTest, FitsThatCannotBe) {
  const auto file = GgufFile::open(path());
  const auto refusal = [&](const std::string& activation, PredictorFitOptions options) {
    return check_predictor_fit(*build_program(*file, activation), options).message();
  };
  PredictorFitOptions options;
  EXPECT_EQ(refusal("silu", options),
            "predictor fit: the model's activation is silu, want a ReLU family");
  options.rank = kWidth + 1;
  EXPECT_EQ(refusal("", options), "rank: 65, want 1 to 64, the gates' own");
  options.rank = 1;
  options.recall = 1.5;
  EXPECT_EQ(refusal("", options), "recall: 1.5, want over 0 and at most 1");
  options.recall = 1;
  options.type = "magic";
  EXPECT_EQ(refusal("", options), "predictor type: 'magic', want svd, mlp or signbit");
}

}  // namespace
}  // namespace synfire
