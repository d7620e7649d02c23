#include "core/base/predictor_spec.hpp"

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(PredictorSpec, TextComesBack) {
  for (const char* text : {"exact", "none", "mlp", "mlp[dtype=q8_0]", "svd[a=1,b=2,3]"}) {
    const auto spec = parse_predictor_spec(text);
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    EXPECT_EQ(spec->to_string(), text);
  }
  const auto spec = parse_predictor_spec(" mlp[dtype=q8_0] ");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->name, "mlp");
  EXPECT_EQ(spec->options.at("dtype"), "q8_0");
}

TEST(PredictorSpec, RefusesTheRest) {
  for (const char* text : {"", " ", "MLP", "mlp,svd", "mlp:0", "mlp[", "mlp[]", "mlp[dtype]",
                           "mlp[dtype=]", "mlp[a=1]b", "mlp[a=1,a=2]"})
    EXPECT_FALSE(parse_predictor_spec(text).ok()) << text;
}

TEST(PredictorSpec, ErrorsNameThePredictorTheGotAndTheWanted) {
  EXPECT_EQ(parse_predictor_spec("mlp:0").status().message(),
            "predictor 'mlp:0': got ':0', want the end (a predictor like exact or "
            "mlp[dtype=q8_0])");
  EXPECT_EQ(parse_predictor_spec("mlp[dtype]").status().message(),
            "predictor 'mlp[dtype]': option 'dtype', want key=value");
  EXPECT_EQ(parse_predictor_spec("exact[dtype=f16]").status().message(),
            "predictor 'exact[dtype=f16]': option 'dtype', want none for exact");
}

}  // namespace
}  // namespace synfire
