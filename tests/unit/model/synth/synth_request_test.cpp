#include "core/model/synth/synth_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/model/synth/small_request.hpp"

namespace synfire::synth {
namespace {

using test::small_request;
using testing::HasSubstr;

std::string error_of(const Request& request) { return checked(request).status().message(); }

TEST(SynthRequest, TheDefaultRankIsPowerInfers) {
  EXPECT_EQ(default_rank(kShapes[0]), 768U);
  EXPECT_EQ(default_rank(kShapes[1]), 1536U);
  for (const Shape& shape : kShapes) {
    Request request{.shape = shape, .layout = Layout::powerinfer};
    const Result<Request> done = checked(request);
    ASSERT_TRUE(done.ok()) << done.status().to_string();
    EXPECT_EQ(done->predictor_rank, default_rank(shape));
  }
}

TEST(SynthRequest, ErrorsNameTheOption) {
  Request request = small_request();
  EXPECT_TRUE(checked(request).ok());
  request.shape.d_model = 100;
  EXPECT_EQ(error_of(request), "d-model: 100, want a multiple of 32 up to 1048576");
  request = small_request(DType::q6_k);
  request.shape.d_ff = 288;
  EXPECT_THAT(error_of(request), HasSubstr("d-ff: 288, want a multiple of 256"));
  request = small_request();
  request.shape.n_heads = 3;
  EXPECT_THAT(error_of(request), HasSubstr("heads: 3"));
  request = small_request();
  request.shape.n_kv_heads = 3;
  EXPECT_EQ(error_of(request), "kv-heads: 3, want a divisor of heads 4");
  request = small_request();
  request.active = 0;
  EXPECT_THAT(error_of(request), HasSubstr("active: 0"));
  request = small_request();
  request.predictor_rank = 128;
  EXPECT_THAT(error_of(request), HasSubstr("want layout powerinfer"));
  request = small_request(DType::bf16, Layout::powerinfer);
  EXPECT_EQ(error_of(request), "dtype: BF16, which PowerInfer's files cannot hold");
  request = small_request(DType::f16, Layout::powerinfer);
  request.predictor_rank = 32;
  EXPECT_THAT(error_of(request), HasSubstr("predictor-rank: 32, want a multiple of 32 from 64"));
  request = small_request(DType::i8);
  EXPECT_THAT(error_of(request), HasSubstr("dtype: I8"));
  request = small_request();
  request.family = "gpt5";
  EXPECT_EQ(error_of(request), "family: 'gpt5', want llama or arcee");
}

}  // namespace
}  // namespace synfire::synth
