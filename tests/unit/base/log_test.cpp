#include "core/base/log.hpp"

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(Log, LevelsAreOrdered) {
  ASSERT_TRUE(log::set_level("warning").ok());
  EXPECT_TRUE(log::enabled(log::Level::error));
  EXPECT_FALSE(log::enabled(log::Level::info));
}

TEST(Log, UnknownLevelIsNamed) {
  const Status status = log::set_level("loud");
  EXPECT_EQ(status.code(), StatusCode::invalid_argument);
  EXPECT_NE(status.message().find("'loud'"), std::string::npos);
}

}  // namespace
}  // namespace synfire
