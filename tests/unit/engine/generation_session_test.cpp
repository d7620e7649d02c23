#include "core/engine/generation_session.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_fixture.hpp"
#include "tests/unit/model/tokenizer/small_vocabs.hpp"

namespace synfire {
namespace {

using std::chrono::milliseconds;
using test::RecordingSink;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::uint32_t kVocab = 8;

TimePoint at(int ms) { return TimePoint(milliseconds(ms)); }

// Logits whose best token is `best`.
std::vector<float> logits_for(std::int32_t best, std::uint32_t n_vocab = kVocab) {
  std::vector<float> logits(n_vocab, -1.0F);
  logits[static_cast<std::size_t>(best)] = 1.0F;
  return logits;
}

class GenerationSessionTest : public testing::Test {
 protected:
  std::unique_ptr<GenerationSession> make(GenerateRequest request,
                                          const Tokenizer* tokenizer = nullptr,
                                          GenerationLimits limits = {kVocab, 16}) {
    auto session = GenerationSession::make(7, std::move(request), sink_, tokenizer, limits, at(1));
    EXPECT_TRUE(session.ok()) << session.status().to_string();
    return *std::move(session);
  }
  Status refusal(GenerateRequest request, GenerationLimits limits = {kVocab, 16}) {
    const auto session =
        GenerationSession::make(7, std::move(request), sink_, nullptr, limits, at(1));
    EXPECT_EQ(session.status().code(), StatusCode::invalid_argument);
    EXPECT_EQ(sink_->ends(), 0);
    return session.status();
  }

  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(GenerationSessionTest, AppendsWhatItSamplesUntilItsLength) {
  const auto session = make(test::greedy({1, 2}, 2));
  EXPECT_EQ(session->id(), 7U);
  EXPECT_EQ(session->max_tokens(), 4U);
  EXPECT_FALSE(session->wants_logits(0));
  EXPECT_TRUE(session->wants_logits(1));
  EXPECT_FALSE(session->on_logits(logits_for(5), at(2)));
  EXPECT_THAT(session->tokens(), ElementsAre(1, 2, 5));
  EXPECT_TRUE(session->wants_logits(2));
  EXPECT_TRUE(session->on_logits(logits_for(6), at(3)));
  session->finish({}, at(4));
  EXPECT_THAT(sink_->ids(), ElementsAre(5, 6));
  const FinishEvent end = sink_->wait();
  EXPECT_EQ(end.reason, FinishReason::length);
  EXPECT_TRUE(end.status.ok());
  EXPECT_EQ(end.usage.prompt_tokens, 2U);
  EXPECT_EQ(end.usage.completion_tokens, 2U);
}

TEST_F(GenerationSessionTest, TheContextsEndIsALength) {
  const auto session = make(test::greedy({1, 2}, 100), nullptr, {kVocab, 4});
  EXPECT_EQ(session->max_tokens(), 4U);
  EXPECT_FALSE(session->on_logits(logits_for(5), at(2)));
  EXPECT_TRUE(session->on_logits(logits_for(5), at(2)));
  session->finish({}, at(3));
  EXPECT_EQ(sink_->wait().reason, FinishReason::length);
}

TEST_F(GenerationSessionTest, ALengthThatNoNumberHolds) {
  const auto session = make(test::greedy({1}, UINT32_MAX));
  EXPECT_EQ(session->max_tokens(), 16U);
  session->abandon();
}

TEST_F(GenerationSessionTest, APromptAsLongAsTheContextStillGivesOneToken) {
  const auto session = make(test::greedy({1, 2, 3, 4}, 5), nullptr, {kVocab, 4});
  EXPECT_EQ(session->max_tokens(), 4U);
  EXPECT_TRUE(session->on_logits(logits_for(5), at(2)));
  session->finish({}, at(3));
  EXPECT_THAT(sink_->ids(), ElementsAre(5));
}

TEST_F(GenerationSessionTest, Timings) {
  const auto session = make(test::greedy({1}, 3));
  session->on_start(at(11));
  for (const int ms : {31, 41, 51}) static_cast<void>(session->on_logits(logits_for(1), at(ms)));
  session->finish({}, at(99));
  const Timings timings = sink_->wait().timings;
  EXPECT_EQ(timings.queued, milliseconds(10));
  EXPECT_EQ(timings.prefill, milliseconds(20));
  EXPECT_EQ(timings.decode, milliseconds(20));
}

TEST_F(GenerationSessionTest, OneThatNeverStartedWasQueuedAllTheTime) {
  const auto session = make(test::greedy({1}, 3));
  session->finish(error(StatusCode::cancelled, "cancelled"), at(6));
  const FinishEvent end = sink_->wait();
  EXPECT_EQ(end.reason, FinishReason::cancelled);
  EXPECT_EQ(end.status.code(), StatusCode::cancelled);
  EXPECT_EQ(end.timings.queued, milliseconds(5));
  EXPECT_EQ(end.timings.prefill, Duration::zero());
}

TEST_F(GenerationSessionTest, ErrorsEndItAsAnError) {
  const auto session = make(test::greedy({1}, 3));
  static_cast<void>(session->on_logits(logits_for(4), at(2)));
  session->finish(error(StatusCode::unavailable, "a device was lost"), at(3));
  const FinishEvent end = sink_->wait();
  EXPECT_EQ(end.reason, FinishReason::error);
  EXPECT_EQ(end.status.message(), "a device was lost");
  EXPECT_EQ(end.usage.completion_tokens, 1U);
}

TEST_F(GenerationSessionTest, LogitsThatAreNoNumbersAreItsError) {
  const auto session = make(test::greedy({1}, 3));
  const std::vector<float> nans(kVocab, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(session->on_logits(nans, at(2)));
  session->finish({}, at(3));
  const FinishEvent end = sink_->wait();
  EXPECT_EQ(end.reason, FinishReason::error);
  EXPECT_FALSE(end.status.ok());
  EXPECT_THAT(sink_->ids(), IsEmpty());
}

TEST_F(GenerationSessionTest, WhatNobodyFinishedEndsAsCancelled) {
  make(test::greedy({1}, 3)).reset();
  EXPECT_EQ(sink_->ends(), 1);
  EXPECT_EQ(sink_->wait().status.code(), StatusCode::cancelled);
}

TEST_F(GenerationSessionTest, WhatWasFinishedOrAbandonedEndsNotAgain) {
  auto session = make(test::greedy({1}, 1));
  EXPECT_TRUE(session->on_logits(logits_for(1), at(2)));
  session->finish({}, at(3));
  session.reset();
  EXPECT_EQ(sink_->ends(), 1);
  sink_ = std::make_shared<RecordingSink>();
  session = make(test::greedy({1}, 1));
  session->abandon();
  session.reset();
  EXPECT_EQ(sink_->ends(), 0);
}

TEST_F(GenerationSessionTest, LogprobsAreOfTheUnmodifiedDistribution) {
  GenerateRequest request = test::greedy({1}, 1);
  request.logprobs = true;
  request.top_logprobs = 2;
  const auto session = make(request);
  EXPECT_TRUE(session->on_logits(logits_for(3), at(2)));
  session->finish({}, at(3));
  const TokenEvent token = sink_->tokens()[0];
  const double log_sum = std::log(std::exp(1.0) + 7 * std::exp(-1.0));
  EXPECT_NEAR(token.logprob, 1 - log_sum, 1e-6);
  ASSERT_EQ(token.top.size(), 2U);
  EXPECT_EQ(token.top[0].first, 3);
  EXPECT_NEAR(token.top[1].second, -1 - log_sum, 1e-6);
}

TEST_F(GenerationSessionTest, RequestsThatCannotBe) {
  EXPECT_EQ(refusal(test::greedy({}, 1)).message(), "prompt: empty, want at least one token");
  EXPECT_EQ(refusal(test::greedy({1, 2, 3}, 1), {kVocab, 2}).message(),
            "prompt: 3 tokens, the context is 2");
  EXPECT_EQ(refusal(test::greedy({1, 8}, 1)).message(), "prompt.token_ids[1]: 8, want 0 to 7");
  EXPECT_EQ(refusal(test::greedy({-1}, 1)).message(), "prompt.token_ids[0]: -1, want 0 to 7");
  EXPECT_EQ(refusal(test::greedy({1}, 0)).message(), "max_tokens: 0, want at least 1");
  GenerateRequest request = test::greedy({1}, 1);
  request.top_logprobs = 101;
  EXPECT_EQ(refusal(request).message(), "top_logprobs: 101, want at most 100");
  request = test::greedy({1}, 1);
  request.stop = {"x"};
  EXPECT_EQ(refusal(request).message(),
            "stop: the model file has no tokenizer, so no text to stop at");
  request = test::greedy({1}, 1);
  request.sampling.temperature = -1;
  EXPECT_THAT(refusal(request).message(), StartsWith("temperature: -1"));
}

class GenerationSessionTextTest : public GenerationSessionTest {
 protected:
  GenerationSessionTextTest()
      : vocab_(test::small_spm({"_a", "b", "c"})),
        n_vocab_(static_cast<std::uint32_t>(vocab_.pieces.size())) {
    vocab_.eos = 2;
    tokenizer_ = test::make_tokenizer(vocab_);
  }
  // Feeds tokens until it ends; how many it took.
  std::size_t feed(GenerateRequest request, const std::vector<std::int32_t>& tokens) {
    const auto session = make(std::move(request), tokenizer_.get(), {n_vocab_, 64});
    std::size_t taken = 0;
    for (const std::int32_t token : tokens) {
      ++taken;
      if (session->on_logits(logits_for(token, n_vocab_), at(2))) break;
    }
    session->finish({}, at(3));
    return taken;
  }
  [[nodiscard]] std::int32_t id(std::string_view piece) const { return test::id_of(vocab_, piece); }

  Vocab vocab_;
  std::uint32_t n_vocab_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(GenerationSessionTextTest, TheEndTokenStopsAndIsNoText) {
  EXPECT_EQ(feed(test::greedy({1}, 9), {id("b"), 2, id("c")}), 2U);
  EXPECT_EQ(sink_->text(), "b");
  EXPECT_THAT(sink_->ids(), ElementsAre(id("b")));
  EXPECT_EQ(sink_->wait().reason, FinishReason::stop);
  EXPECT_EQ(sink_->wait().usage.completion_tokens, 1U);
}

TEST_F(GenerationSessionTextTest, UnlessItIsIgnored) {
  GenerateRequest request = test::greedy({1}, 2);
  request.ignore_eos = true;
  EXPECT_EQ(feed(request, {2, id("c"), id("b")}), 2U);
  EXPECT_THAT(sink_->ids(), ElementsAre(2, id("c")));
  EXPECT_EQ(sink_->wait().reason, FinishReason::length);
}

TEST_F(GenerationSessionTextTest, AStopStringEndsItAndIsNoText) {
  GenerateRequest request = test::greedy({1}, 9);
  request.stop = {"bc"};
  EXPECT_EQ(feed(request, {id("c"), id("b"), id("c"), id("b")}), 3U);
  EXPECT_EQ(sink_->text(), "c");
  EXPECT_EQ(sink_->wait().reason, FinishReason::stop);
  EXPECT_EQ(sink_->wait().usage.completion_tokens, 3U);
}

TEST_F(GenerationSessionTextTest, WhatMightHaveBecomeAStopStringComesAtTheEnd) {
  GenerateRequest request = test::greedy({1}, 2);
  request.stop = {"bcb"};
  EXPECT_EQ(feed(request, {id("b"), id("c")}), 2U);
  EXPECT_EQ(sink_->tokens()[0].text + sink_->tokens()[1].text, "");
  EXPECT_EQ(sink_->wait().text, "bc");
  EXPECT_EQ(sink_->wait().reason, FinishReason::length);
}

TEST_F(GenerationSessionTextTest, ABrokenCharacterIsReplacedAtTheEnd) {
  GenerateRequest request = test::greedy({1}, 1);
  EXPECT_EQ(feed(request, {3 + 0xC3}), 1U);  // the first byte of two
  EXPECT_EQ(sink_->tokens()[0].text, "");
  EXPECT_EQ(sink_->wait().text, "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace synfire
