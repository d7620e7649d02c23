#include "core/base/result.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace synfire {
namespace {

Result<int> parse(bool good) {
  if (good) return 7;
  return invalid_argument("bad");
}

Result<std::string> twice(bool good) {
  SYNFIRE_ASSIGN_OR_RETURN(const int value, parse(good));
  return std::to_string(2 * value);
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(*twice(true), "14");
  EXPECT_EQ(twice(false).status().code(), StatusCode::invalid_argument);
}

TEST(Result, MovesMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 3);
}

}  // namespace
}  // namespace synfire
