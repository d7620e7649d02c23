#include "core/base/status.hpp"

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(Status, DefaultIsOk) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().to_string(), "OK");
}

TEST(Status, FormatsCodeAndText) {
  const Status status = error(StatusCode::not_found, "tensor {}: missing", "a.weight");
  EXPECT_EQ(status.to_string(), "NOT_FOUND: tensor a.weight: missing");
}

TEST(Status, ContextGoesInFront) {
  EXPECT_EQ(invalid_argument("got {}, want {}", 1, 2).with_context("model.gguf").message(),
            "model.gguf: got 1, want 2");
  EXPECT_TRUE(Status().with_context("model.gguf").ok());
}

TEST(Status, ReturnIfErrorLeavesTheCaller) {
  const auto call = [](Status inner) -> Status {
    SYNFIRE_RETURN_IF_ERROR(inner);
    return error(StatusCode::internal, "went on");
  };
  EXPECT_EQ(call({}).code(), StatusCode::internal);
  EXPECT_EQ(call(invalid_argument("x")).code(), StatusCode::invalid_argument);
}

TEST(Status, UnknownCodesHaveAName) {
  EXPECT_EQ(to_string(static_cast<StatusCode>(99)), "UNKNOWN");
}

}  // namespace
}  // namespace synfire
