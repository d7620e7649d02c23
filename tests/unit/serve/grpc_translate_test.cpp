#include "core/serve/grpc_translate.hpp"

#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/serve/scripted_engine.hpp"

namespace synfire {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

class GrpcTranslateTest : public ::testing::Test {
 protected:
  static v1::GenerateRequest good() {
    v1::GenerateRequest request;
    request.mutable_token_ids()->add_ids(5);
    return request;
  }

  const std::unique_ptr<Tokenizer> tokenizer_ = test::small_tokenizer();
  const RequestLimits limits_{16, 64, tokenizer_.get()};
};

TEST_F(GrpcTranslateTest, AbsentFieldsKeepTheDefaults) {
  const Result<GenerateRequest> request = from_proto(good(), limits_);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  EXPECT_THAT(request->prompt, ElementsAre(5));
  EXPECT_EQ(request->sampling, SamplingParams{});
  EXPECT_EQ(request->max_tokens, 128U);
  EXPECT_TRUE(request->stop.empty());
  EXPECT_FALSE(request->ignore_eos);
  EXPECT_FALSE(request->logprobs);
  EXPECT_EQ(request->top_logprobs, 0U);
}

TEST_F(GrpcTranslateTest, EveryFieldOfARequestArrives) {
  v1::GenerateRequest message = good();
  message.set_max_tokens(9);
  message.add_stop("\n");
  message.add_stop("END");
  message.set_ignore_eos(true);
  message.set_logprobs(true);
  message.set_top_logprobs(3);
  message.mutable_sampling()->set_seed(8);
  const Result<GenerateRequest> request = from_proto(message, limits_);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  EXPECT_EQ(request->max_tokens, 9U);
  EXPECT_THAT(request->stop, ElementsAre("\n", "END"));
  EXPECT_TRUE(request->ignore_eos);
  EXPECT_TRUE(request->logprobs);
  EXPECT_EQ(request->top_logprobs, 3U);
  EXPECT_EQ(request->sampling.seed, 8U);
}

TEST_F(GrpcTranslateTest, SamplingGoesThereAndBack) {
  SamplingParams params;
  params.temperature = 0.7;
  params.top_k = 11;
  params.top_p = 0.8;
  params.min_p = 0.02;
  params.repeat_penalty = 1.1;
  params.presence_penalty = 0.2;
  params.frequency_penalty = 0.3;
  params.penalty_window = 64;
  params.logit_bias = {{3, -1.5}, {9, 2}};
  params.seed = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(from_proto(to_proto(params)), params);
}

TEST_F(GrpcTranslateTest, ZeroIsAValueAndNotAbsence) {
  v1::Sampling sampling;
  sampling.set_top_k(0);
  sampling.set_min_p(0);
  const SamplingParams params = from_proto(sampling);
  EXPECT_EQ(params.top_k, 0U);
  EXPECT_EQ(params.min_p, 0);
  EXPECT_EQ(params.top_p, SamplingParams{}.top_p);
}

TEST_F(GrpcTranslateTest, TextIsTokenizedWithBosAndWithoutEos) {
  v1::GenerateRequest message;
  message.set_text("ab</s>");
  message.set_parse_special(true);
  const Result<GenerateRequest> request = from_proto(message, limits_);
  ASSERT_TRUE(request.ok()) << request.status().to_string();
  EXPECT_THAT(request->prompt, ElementsAre(1, 3, 4, 2));
}

struct BadField {
  const char* name;
  std::function<void(v1::GenerateRequest&)> spoil;
  const char* message;
};

void PrintTo(const BadField& field, std::ostream* out) { *out << field.name; }

class BadFieldTest : public GrpcTranslateTest, public ::testing::WithParamInterface<BadField> {};

TEST_P(BadFieldTest, IsNamed) {
  v1::GenerateRequest message = good();
  GetParam().spoil(message);
  const Result<GenerateRequest> request = from_proto(message, limits_);
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(request.status().code(), StatusCode::invalid_argument);
  EXPECT_THAT(request.status().message(), StartsWith(GetParam().message));
}

using Message = v1::GenerateRequest;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

INSTANTIATE_TEST_SUITE_P(
    Fields, BadFieldTest,
    ::testing::Values(
        BadField{"no_prompt", [](Message& m) { m.clear_prompt(); },
                 "prompt: missing, want text or token_ids"},
        BadField{"no_ids", [](Message& m) { m.mutable_token_ids()->clear_ids(); },
                 "prompt: empty, want at least one token"},
        BadField{"id_too_big", [](Message& m) { m.mutable_token_ids()->add_ids(64); },
                 "prompt.token_ids[1]: 64, want less than 64"},
        BadField{"id_negative", [](Message& m) { m.mutable_token_ids()->add_ids(-1); },
                 "prompt.token_ids[1]: -1, want at least 0"},
        BadField{"prompt_too_long",
                 [](Message& m) {
                   for (int i = 0; i < 16; ++i) m.mutable_token_ids()->add_ids(1);
                 },
                 "prompt: 17 tokens, the context is 16"},
        BadField{"text_too_long", [](Message& m) { m.set_text("abcdefghijklmnopqrst"); },
                 "prompt: 21 tokens, the context is 16"},
        BadField{"max_tokens", [](Message& m) { m.set_max_tokens(0); },
                 "max_tokens: 0, want at least 1"},
        BadField{"stop_empty",
                 [](Message& m) {
                   m.add_stop(std::string(1, 'a'));
                   m.add_stop();
                 },
                 "stop[1]: empty"},
        BadField{"stop_long", [](Message& m) { m.add_stop(std::string(5000, 'x')); },
                 "stop[0]: 5000 bytes"},
        BadField{"stops_many",
                 [](Message& m) {
                   for (int i = 0; i < 65; ++i) m.add_stop(std::string(1, 'a'));
                 },
                 "stop: 65 texts"},
        BadField{"top_logprobs_alone", [](Message& m) { m.set_top_logprobs(1); },
                 "top_logprobs: 1, want logprobs set with it"},
        BadField{"top_logprobs_many",
                 [](Message& m) {
                   m.set_logprobs(true);
                   m.set_top_logprobs(65);
                 },
                 "top_logprobs: 65, want at most 64"},
        BadField{"temperature", [](Message& m) { m.mutable_sampling()->set_temperature(-1); },
                 "sampling.temperature: -1, want"},
        BadField{"temperature_nan", [](Message& m) { m.mutable_sampling()->set_temperature(kNan); },
                 "sampling.temperature: nan, want"},
        BadField{"top_p", [](Message& m) { m.mutable_sampling()->set_top_p(1.5); },
                 "sampling.top_p: 1.5, want"},
        BadField{"min_p", [](Message& m) { m.mutable_sampling()->set_min_p(-0.5); },
                 "sampling.min_p: -0.5, want"},
        BadField{"repeat_penalty", [](Message& m) { m.mutable_sampling()->set_repeat_penalty(0); },
                 "sampling.repeat_penalty: 0, want"},
        BadField{"presence_penalty",
                 [](Message& m) { m.mutable_sampling()->set_presence_penalty(kNan); },
                 "sampling.presence_penalty: nan, want"},
        BadField{"frequency_penalty",
                 [](Message& m) { m.mutable_sampling()->set_frequency_penalty(1e9); },
                 "sampling.frequency_penalty: 1000000000, want"},
        BadField{"logit_bias_id",
                 [](Message& m) { (*m.mutable_sampling()->mutable_logit_bias())[64] = 1; },
                 "sampling.logit_bias[0]: token 64"},
        BadField{"logit_bias_value",
                 [](Message& m) { (*m.mutable_sampling()->mutable_logit_bias())[6] = kNan; },
                 "sampling.logit_bias[0]: nan"}),
    [](const auto& field) { return std::string(field.param.name); });

TEST_F(GrpcTranslateTest, APromptMayFillTheContext) {
  v1::GenerateRequest message = good();
  for (int i = 1; i < 16; ++i) message.mutable_token_ids()->add_ids(1);
  EXPECT_TRUE(from_proto(message, limits_).ok());
}

TEST_F(GrpcTranslateTest, WithoutATokenizerTextIsUnimplemented) {
  const RequestLimits limits{16, 64, nullptr};
  v1::GenerateRequest message;
  message.set_text("a");
  EXPECT_EQ(from_proto(message, limits).status().to_string(),
            "UNIMPLEMENTED: prompt.text: the model's file has no tokenizer");
  message = good();
  EXPECT_TRUE(from_proto(message, limits).ok());
  message.add_stop("a");
  EXPECT_EQ(from_proto(message, limits).status().code(), StatusCode::unimplemented);
  EXPECT_EQ(tokenize({}, limits).status().code(), StatusCode::unimplemented);
  EXPECT_EQ(detokenize({}, limits).status().code(), StatusCode::unimplemented);
}

TEST_F(GrpcTranslateTest, TokenizeSaysIdsAndTheirBytes) {
  v1::TokenizeRequest request;
  request.set_text("a\xC3\xA4");
  const Result<v1::TokenizeResponse> response = tokenize(request, limits_);
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_THAT(response->token_ids(), ElementsAre(1, 3, 30, 31, 2));
  EXPECT_THAT(response->pieces(), ElementsAre("<s>", "a", "\xC3", "\xA4", "</s>"));
}

TEST_F(GrpcTranslateTest, PlainTokenizeHasNoBeginAndEnd) {
  v1::TokenizeRequest request;
  request.set_text("ab");
  request.set_plain(true);
  const Result<v1::TokenizeResponse> response = tokenize(request, limits_);
  ASSERT_TRUE(response.ok());
  EXPECT_THAT(response->token_ids(), ElementsAre(3, 4));
}

TEST_F(GrpcTranslateTest, DetokenizeIsAlwaysUtf8) {
  v1::DetokenizeRequest request;
  for (const int id : {1, 3, 30, 31, 30, 4}) request.add_token_ids(id);
  Result<v1::DetokenizeResponse> response = detokenize(request, limits_);
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->text(),
            "a\xC3\xA4\xEF\xBF\xBD"
            "b");
  request.set_special(true);
  response = detokenize(request, limits_);
  ASSERT_TRUE(response.ok());
  EXPECT_THAT(response->text(), StartsWith("<s>"));
  request.add_token_ids(32);  // the model's vocabulary is larger than the tokenizer's
  EXPECT_EQ(detokenize(request, limits_).status().message(), "token_ids[6]: 32, want less than 32");
}

TEST_F(GrpcTranslateTest, TokensGatherInOneMessage) {
  v1::GenerateResponse message;
  append(TokenEvent{3, "a", -1, {{3, -1}, {4, -2}}}, true, message);
  append(TokenEvent{4, "", -2, {}}, true, message);
  EXPECT_EQ(message.text(), "a");
  EXPECT_THAT(message.token_ids(), ElementsAre(3, 4));
  ASSERT_EQ(message.logprobs_size(), 2);
  EXPECT_EQ(message.logprobs(0).logprob(), -1);
  EXPECT_EQ(message.logprobs(0).text(), "a");
  ASSERT_EQ(message.logprobs(0).top_size(), 2);
  EXPECT_EQ(message.logprobs(0).top(1).token_id(), 4);
  EXPECT_EQ(message.logprobs(0).top(1).logprob(), -2);
  EXPECT_FALSE(message.has_finish());
}

TEST_F(GrpcTranslateTest, LogprobsAreSentOnlyWhenAsked) {
  v1::GenerateResponse message;
  append(TokenEvent{3, "a", -1, {}}, false, message);
  EXPECT_EQ(message.logprobs_size(), 0);
}

TEST_F(GrpcTranslateTest, TheFinishGoesThereAndBack) {
  FinishEvent finish;
  finish.reason = FinishReason::length;
  finish.text = "held";
  finish.usage = {3, 4};
  finish.timings = {std::chrono::microseconds(5), std::chrono::milliseconds(6),
                    std::chrono::seconds(7)};
  v1::GenerateResponse message;
  message.set_text("up");
  append(finish, message);
  EXPECT_EQ(message.text(), "upheld");
  const FinishEvent back = from_proto(message.finish());
  EXPECT_EQ(back.reason, FinishReason::length);
  EXPECT_EQ(back.usage.prompt_tokens, 3U);
  EXPECT_EQ(back.usage.completion_tokens, 4U);
  EXPECT_EQ(back.timings.queued, finish.timings.queued);
  EXPECT_EQ(back.timings.prefill, finish.timings.prefill);
  EXPECT_EQ(back.timings.decode, finish.timings.decode);
}

TEST_F(GrpcTranslateTest, AHugeTimeFromAServerDoesNotOverflow) {
  v1::Finish finish;
  finish.mutable_timings()->set_decode_us(std::numeric_limits<std::uint64_t>::max());
  EXPECT_GT(from_proto(finish).timings.decode, std::chrono::hours(1));
}

}  // namespace
}  // namespace synfire
