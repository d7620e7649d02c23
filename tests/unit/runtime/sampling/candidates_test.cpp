#include "core/runtime/sampling/candidates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/runtime/sampling/rng.hpp"

namespace synfire {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::Pointwise;
using testing::UnorderedElementsAre;

std::vector<Candidate> candidates_of(std::vector<float> logits) {
  std::vector<Candidate> candidates;
  fill_candidates(logits, candidates);
  return candidates;
}

std::vector<Candidate> weighed(std::vector<double> probabilities) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    candidates.push_back({static_cast<std::int32_t>(i), std::log(probabilities[i]), 0});
  }
  weigh(1, candidates);
  return candidates;
}

std::vector<std::int32_t> ids(const std::vector<Candidate>& candidates) {
  std::vector<std::int32_t> list;
  for (const Candidate& candidate : candidates) list.push_back(candidate.id);
  return list;
}

std::vector<double> logits_after(const SamplingParams& params, std::vector<std::int32_t> sequence) {
  std::vector<Candidate> candidates = candidates_of({2, -2, 0, 4});
  std::vector<std::uint32_t> seen;
  apply_penalties(params, sequence, seen, candidates);
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](std::uint32_t n) { return n == 0; }));
  std::vector<double> logits;
  for (const Candidate& candidate : candidates) logits.push_back(candidate.logit);
  return logits;
}

TEST(Penalties, RepetitionActsOncePerTokenByTheSignOfItsLogit) {
  SamplingParams params;
  params.repeat_penalty = 2;
  EXPECT_THAT(logits_after(params, {0, 1, 1, 2, 0}), ElementsAre(1, -4, 0, 4));
}

TEST(Penalties, PresenceOnceFrequencyPerTime) {
  SamplingParams params;
  params.presence_penalty = 1;
  params.frequency_penalty = 0.5;
  EXPECT_THAT(logits_after(params, {0, 0, 0, 3}), ElementsAre(2 - 2.5, -2, 0, 4 - 1.5));
}

TEST(Penalties, WindowCountsFromTheEnd) {
  SamplingParams params;
  params.frequency_penalty = 1;
  params.penalty_window = 2;
  EXPECT_THAT(logits_after(params, {0, 0, 3, 1}), ElementsAre(2, -3, 0, 3));
  params.penalty_window = 100;
  EXPECT_THAT(logits_after(params, {0, 0, 3, 1}), ElementsAre(0, -3, 0, 3));
}

TEST(Penalties, IdsOutsideTheVocabularyAreIgnored) {
  SamplingParams params;
  params.presence_penalty = 1;
  EXPECT_THAT(logits_after(params, {-1, 4, INT32_MAX, 0}), ElementsAre(1, -2, 0, 4));
}

TEST(Bias, AddsUp) {
  std::vector<Candidate> candidates = candidates_of({1, 2});
  apply_bias(std::vector<LogitBias>{{0, 2.5}, {0, 1}, {1, -100}}, candidates);
  EXPECT_EQ(candidates[0].logit, 4.5);
  EXPECT_EQ(candidates[1].logit, -98);
}

TEST(Best, LowestIdOfEquals) {
  EXPECT_EQ(best_id(candidates_of({1, 3, 3, 2})), 1);
  EXPECT_EQ(best_id(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(best_id(std::vector<float>{-5, -0.0F, 0.0F, -1}), 1);
  EXPECT_EQ(best_id(std::vector<float>{-5, -3, -4}), 1);
  EXPECT_EQ(best_id(std::vector<float>{-std::numeric_limits<float>::max()}), 0);
}

TEST(TopK, KeepsTheBestAndBreaksTiesByIds) {
  std::vector<Candidate> candidates = candidates_of({1, 3, 3, 2, 3, 0});
  keep_top_k(2, candidates);
  EXPECT_THAT(ids(candidates), ElementsAre(1, 2));
}

TEST(TopK, AgreesWithSortingEverything) {
  Rng rng(13);
  std::vector<float> logits(4000);
  for (float& logit : logits) logit = static_cast<float>(rng.next() % 1000);  // with ties
  std::vector<Candidate> sorted = candidates_of(logits);
  std::sort(sorted.begin(), sorted.end(), better);
  for (const std::uint32_t k : {1U, 256U, 257U, 3999U}) {
    std::vector<Candidate> kept = candidates_of(logits);
    keep_top_k(k, kept);
    ASSERT_EQ(kept.size(), k);
    for (std::size_t i = 0; i < k; ++i) ASSERT_EQ(kept[i].id, sorted[i].id) << k;
  }
}

TEST(TopK, ZeroAndPlentyKeepAll) {
  for (const std::uint32_t k : {0U, 3U, 4U, UINT32_MAX}) {
    std::vector<Candidate> candidates = candidates_of({1, 3, 2});
    keep_top_k(k, candidates);
    EXPECT_EQ(candidates.size(), 3U);
  }
}

TEST(Weigh, IsASoftmaxWithTheBestAtOne) {
  std::vector<Candidate> candidates = candidates_of({1000, 1001, 999});
  weigh(0.5, candidates);
  EXPECT_EQ(candidates[1].weight, 1.0);
  EXPECT_NEAR(candidates[0].weight, std::exp(-2.0), 1e-15);
  EXPECT_NEAR(candidates[2].weight, std::exp(-4.0), 1e-15);
}

TEST(Weigh, ExtremesStayFinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  for (const double temperature : {1e-300, 1.0, 100.0}) {
    std::vector<Candidate> candidates = candidates_of({-kMax, kMax, 0});
    weigh(temperature, candidates);
    EXPECT_EQ(candidates[0].weight, 0.0);
    EXPECT_EQ(candidates[1].weight, 1.0);
  }
}

TEST(TopP, KeepsTheFewestThatReachP) {
  const auto kept = [](double p) {
    std::vector<Candidate> candidates = weighed({0.1, 0.5, 0.15, 0.25});
    keep_top_p(p, candidates);
    return ids(candidates);
  };
  EXPECT_THAT(kept(1e-9), ElementsAre(1));
  EXPECT_THAT(kept(0.49), ElementsAre(1));
  EXPECT_THAT(kept(0.51), ElementsAre(1, 3));
  EXPECT_THAT(kept(0.76), ElementsAre(1, 3, 2));
  EXPECT_THAT(kept(0.91), ElementsAre(1, 3, 2, 0));
  EXPECT_THAT(kept(1), ElementsAre(0, 1, 2, 3));
}

// Against the definition, on a vocabulary much larger than what is ordered at once.
TEST(TopP, AgreesWithSortingEverything) {
  Rng rng(11);
  std::vector<float> logits(5000);
  for (float& logit : logits) logit = static_cast<float>(rng.uniform() * 6);
  std::vector<Candidate> all = candidates_of(logits);
  weigh(1, all);
  std::vector<Candidate> sorted = all;
  std::sort(sorted.begin(), sorted.end(), better);
  const double total = std::accumulate(all.begin(), all.end(), 0.0,
                                       [](double s, const Candidate& c) { return s + c.weight; });
  for (const double p : {0.01, 0.3, 0.7, 0.999}) {
    std::size_t count = 0;
    for (double sum = 0; sum < p * total; ++count) sum += sorted[count].weight;
    std::vector<Candidate> kept = all;
    keep_top_p(p, kept);
    ASSERT_EQ(kept.size(), count) << p;
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(kept[i].id, sorted[i].id);
  }
}

TEST(MinP, DropsByTheShareOfTheBest) {
  std::vector<Candidate> candidates = weighed({0.1, 0.5, 0.15, 0.25});
  keep_min_p(0.29, candidates);
  EXPECT_THAT(ids(candidates), ElementsAre(1, 2, 3));
  keep_min_p(0, candidates);
  EXPECT_EQ(candidates.size(), 3U);
  keep_min_p(1, candidates);
  EXPECT_THAT(ids(candidates), ElementsAre(1));
}

TEST(Draw, WalksTheWeightsInTheirOrder) {
  const std::vector<Candidate> candidates = {{7, 0, 0.25}, {3, 0, 0}, {5, 0, 0.75}};
  EXPECT_EQ(draw(0, candidates), 7);
  EXPECT_EQ(draw(0.2499, candidates), 7);
  EXPECT_EQ(draw(0.25, candidates), 5);
  EXPECT_EQ(draw(std::nextafter(1.0, 0.0), candidates), 5);
}

TEST(Finite, NamesTheFirstThatIsNot) {
  EXPECT_TRUE(check_finite(std::vector<float>{1, -3e38F}).ok());
  const Status nan = check_finite(std::vector<float>{1, std::nanf("")});
  EXPECT_EQ(nan.code(), StatusCode::internal);
  EXPECT_EQ(nan.message(), "logits: nan at token 1, want finite numbers");
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(check_finite(std::vector<float>{-infinity, infinity}).message(),
            "logits: -inf at token 0, want finite numbers");
}

}  // namespace
}  // namespace synfire
