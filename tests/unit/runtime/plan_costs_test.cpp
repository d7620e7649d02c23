#include "core/runtime/plan_costs.hpp"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/arch/families.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire {
namespace {

using test::TinyModel;
using test::TinyShape;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kModel = 8, kHidden = 20, kLayers = 2, kVocab = 11;  // of TinyShape
constexpr std::uint64_t kRow = kModel * sizeof(float);
constexpr std::uint32_t kGroup = 8, kTokens = 3;  // groups of 8, 8 and 4 neurons

// Neuron n fires for token t where n % (t + 2) is 0.
bool fires(std::uint32_t neuron, std::uint32_t token) { return neuron % (token + 2) == 0; }

ActivationProfile profile_of(std::uint32_t n_layers, std::uint32_t d_ff) {
  ActivationProfile profile;
  for (std::uint32_t i = 0; i < n_layers; ++i) {
    LayerActivity& layer = profile.layers.emplace_back(d_ff, kTokens);
    for (std::uint32_t n = 0; n < d_ff; ++n)
      for (std::uint32_t t = 0; t < kTokens; ++t)
        if (fires(n, t)) layer.set(n, t);
  }
  return profile;
}

struct Model {
  explicit Model(const TinyShape& shape = {})
      : file(*TinyModel(shape).parse()), program(*build_program(file)) {}

  [[nodiscard]] Result<PlanProblem> problem(const PredictorProgram& predictor,
                                            const ActivationProfile& profile) const {
    const std::vector<NeuronOrder> orders(kLayers, neurons_as_numbered(kHidden));
    return plan_problem_of({program, file, predictor, 1000, 70}, profile, orders, kGroup);
  }
  [[nodiscard]] PlanProblem problem(const PredictorProgram& predictor) const {
    auto made = problem(predictor, profile_of(kLayers, kHidden));
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *std::move(made) : PlanProblem();
  }

  GgufFile file;
  Program program;
};

PredictorProgram exact() { return {Prediction::exact, "exact", {}, {}}; }

PredictorProgram plugin(std::uint32_t gate_rule, double precision) {
  PredictorLayer layer;
  layer.gate_rule = gate_rule;
  layer.precision = precision;
  layer.bytes_per_token = 500;
  layer.weights.resize(1);
  layer.weights[0].rows = 10;
  layer.weights[0].cols = 10;
  return {Prediction::plugin, "test", {layer, layer}, {}};
}

TEST(PlanCosts, GroupsHaveTheBytesOfTheirNeurons) {
  const PlanProblem problem = Model().problem(exact());
  ASSERT_EQ(problem.layers.size(), kLayers);
  EXPECT_EQ(problem.n_tokens, kTokens);
  for (const PlanLayer& layer : problem.layers) {
    EXPECT_THAT(layer.bytes, ElementsAre(8 * 3 * kRow, 8 * 3 * kRow, 4 * 3 * kRow));
    EXPECT_EQ(layer.bytes_per_weight, sizeof(float));
  }
}

TEST(PlanCosts, GroupsCountWhoFires) {
  const PlanProblem problem = Model().problem(exact());
  std::vector<std::int16_t> want;
  for (std::uint32_t first = 0; first < kHidden; first += kGroup)
    for (std::uint32_t t = 0; t < kTokens; ++t) {
      want.push_back(0);
      for (std::uint32_t n = first; n < std::min(first + kGroup, kHidden); ++n)
        want.back() = static_cast<std::int16_t>(want.back() + fires(n, t));
    }
  EXPECT_EQ(problem.layers[1].active, want);
}

TEST(PlanCosts, ExactReadsAllGatesAndTheRestOfWhatFires) {
  for (const PlanLayer& layer : Model().problem(exact()).layers) {
    EXPECT_THAT(layer.stream_bytes, ElementsAre(8. * kRow, 8. * kRow, 4. * kRow));
    EXPECT_EQ(layer.active_bytes, 2 * kRow);
    EXPECT_FALSE(layer.whole);
  }
}

TEST(PlanCosts, NeuronsWithoutAGateAreDecidedByUp) {
  TinyShape shape;
  shape.architecture = "arcee";
  shape.activation = "";
  for (const PlanLayer& layer : Model(shape).problem(exact()).layers) {
    EXPECT_THAT(layer.bytes, ElementsAre(8 * 2 * kRow, 8 * 2 * kRow, 4 * 2 * kRow));
    EXPECT_THAT(layer.stream_bytes, ElementsAre(8. * kRow, 8. * kRow, 4. * kRow));
    EXPECT_EQ(layer.active_bytes, kRow);
  }
}

TEST(PlanCosts, DenseReadsEverything) {
  for (const PlanLayer& layer : Model().problem({}).layers) {
    EXPECT_THAT(layer.stream_bytes, ElementsAre(8. * 3 * kRow, 8. * 3 * kRow, 4. * 3 * kRow));
    EXPECT_EQ(layer.active_bytes, 0);
    ASSERT_TRUE(layer.whole);
    EXPECT_EQ(layer.whole->bytes, 3 * kHidden * kRow);
  }
  TinyShape shape;
  shape.neuron_major_down = true;  // one form for both
  EXPECT_FALSE(Model(shape).problem({}).layers[0].whole);
}

TEST(PlanCosts, WhatIsGuessedWronglyIsReadToo) {
  const Model model;
  // Every second guess fires: all rows of both, or with a gate that decides, its gate row.
  EXPECT_EQ(model.problem(plugin(SF_GATE_NONE, 0.5)).layers[0].active_bytes, 2 * 3 * kRow);
  EXPECT_EQ(model.problem(plugin(SF_GATE_POSITIVE, 0.5)).layers[0].active_bytes,
            2 * kRow + 2 * kRow);
  // A predictor that does not know its precision is taken for perfect.
  EXPECT_EQ(model.problem(plugin(SF_GATE_NONE, -1)).layers[0].active_bytes, 3 * kRow);
  EXPECT_THAT(model.problem(plugin(SF_GATE_NONE, 0.5)).layers[0].stream_bytes, Each(0));
}

TEST(PlanCosts, TheRestIsAtHome) {
  const Model model;
  const std::uint64_t attention = kModel * (2 * kModel + 2 * kModel / 2) * sizeof(float);
  const std::uint64_t norms = (2 * kLayers + 1) * kRow;
  const std::uint64_t matrix = kVocab * kRow;  // embedding or output
  const PlanProblem problem = model.problem(exact());
  EXPECT_EQ(problem.home_bytes, 1000 + kLayers * attention + norms + 2 * matrix);
  EXPECT_EQ(problem.home_stream_bytes, 70. + kLayers * attention + norms + matrix);
  const PlanProblem predicted = model.problem(plugin(SF_GATE_NONE, 0.5));
  EXPECT_EQ(predicted.home_bytes - problem.home_bytes, kLayers * 10 * 10 * sizeof(float));
  EXPECT_EQ(predicted.home_stream_bytes - problem.home_stream_bytes, kLayers * 500.);
}

TEST(PlanCosts, RefusesTheProfileOfAnotherModel) {
  const Model model;
  EXPECT_THAT(model.problem(exact(), profile_of(kLayers + 1, kHidden)).status().message(),
              HasSubstr("profile: 3 layers, the model has 2"));
  EXPECT_THAT(model.problem(exact(), profile_of(kLayers, kHidden + 4)).status().message(),
              HasSubstr("layer 0: 24 neurons and 3 tokens, want 20 and 3"));
  ActivationProfile uneven = profile_of(kLayers, kHidden);
  uneven.layers[1] = LayerActivity(kHidden, kTokens + 1);
  EXPECT_THAT(model.problem(exact(), uneven).status().message(),
              HasSubstr("layer 1: 20 neurons and 4 tokens, want 20 and 3"));
}

}  // namespace
}  // namespace synfire
