#include "core/runtime/sampling/sampling_params.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/base/options.hpp"
#include "core/runtime/sampling/sampling_options.hpp"

namespace synfire {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

template <typename Field>
std::string refusal(Field SamplingParams::*field, double value) {
  SamplingParams params;
  params.*field = value;
  const Status status = params.validate(100);
  EXPECT_TRUE(status.ok() || status.code() == StatusCode::invalid_argument);
  return status.message();
}

TEST(SamplingParams, DefaultsAreValid) { EXPECT_TRUE(SamplingParams{}.validate(1).ok()); }

TEST(SamplingParams, EachFieldIsNamed) {
  EXPECT_EQ(refusal(&SamplingParams::temperature, -1),
            "temperature: -1, want a number from 0 to 100");
  EXPECT_EQ(refusal(&SamplingParams::top_p, 0), "top_p: 0, want a number above 0, up to 1");
  EXPECT_EQ(refusal(&SamplingParams::min_p, 1.5), "min_p: 1.5, want a number from 0 to 1");
  EXPECT_EQ(refusal(&SamplingParams::repeat_penalty, 0),
            "repeat_penalty: 0, want a number above 0, up to 1000");
  EXPECT_EQ(refusal(&SamplingParams::presence_penalty, 2000),
            "presence_penalty: 2000, want a number from -1000 to 1000");
  EXPECT_EQ(refusal(&SamplingParams::frequency_penalty, -2000),
            "frequency_penalty: -2000, want a number from -1000 to 1000");
}

TEST(SamplingParams, NoFieldTakesNanOrInfinity) {
  for (const double value : {kNan, kInf, -kInf}) {
    EXPECT_NE(refusal(&SamplingParams::temperature, value), "");
    EXPECT_NE(refusal(&SamplingParams::top_p, value), "");
    EXPECT_NE(refusal(&SamplingParams::min_p, value), "");
    EXPECT_NE(refusal(&SamplingParams::repeat_penalty, value), "");
    EXPECT_NE(refusal(&SamplingParams::presence_penalty, value), "");
    EXPECT_NE(refusal(&SamplingParams::frequency_penalty, value), "");
    SamplingParams params;
    params.logit_bias = {{0, value}};
    EXPECT_FALSE(params.validate(100).ok());
  }
}

TEST(SamplingParams, BiasesNameTheirPlace) {
  SamplingParams params;
  params.logit_bias = {{99, 1}, {100, 1}};
  EXPECT_EQ(params.validate(100).message(), "logit_bias[1]: token 100, want an id below 100");
  params.logit_bias = {{-1, 1}};
  EXPECT_EQ(params.validate(100).message(), "logit_bias[0]: token -1, want an id below 100");
}

TEST(SamplingOptions, DefaultsOfTheTableAreThoseOfTheStruct) {
  EXPECT_EQ(sampling_from_options(OptionValues(Command::run)), SamplingParams{});
  EXPECT_EQ(sampling_from_options(OptionValues(Command::generate)), SamplingParams{});
}

TEST(SamplingOptions, EveryOptionArrives) {
  OptionValues values(Command::run);
  const auto set = [&](std::string_view name, std::string_view text) {
    const Status status =
        values.set_from_text(*find_option(Command::run, name), text, {SourceKind::flag, {}});
    ASSERT_TRUE(status.ok()) << status.message();
  };
  set("temp", "0.5");
  set("top-k", "7");
  set("top-p", "0.8");
  set("min-p", "0.1");
  set("repeat-penalty", "1.1");
  set("presence-penalty", "0.2");
  set("frequency-penalty", "0.3");
  set("penalty-window", "64");
  set("logit-bias", "5=-3");
  set("seed", "18446744073709551615");
  SamplingParams want;
  want.temperature = 0.5;
  want.top_k = 7;
  want.top_p = 0.8;
  want.min_p = 0.1;
  want.repeat_penalty = 1.1;
  want.presence_penalty = 0.2;
  want.frequency_penalty = 0.3;
  want.penalty_window = 64;
  want.logit_bias = {{5, -3}};
  want.seed = UINT64_MAX;
  EXPECT_EQ(sampling_from_options(values), want);
}

}  // namespace
}  // namespace synfire
