#include "core/base/units.hpp"

#include <chrono>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Units, Numbers) {
  EXPECT_EQ(*parse_int("-12"), -12);
  EXPECT_EQ(*parse_uint("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(*parse_real("-2.5e-1"), -0.25);
  EXPECT_TRUE(*parse_bool("1"));
  EXPECT_FALSE(*parse_bool("false"));
}

TEST(Units, NumbersRefuseWhatIsNotAllANumber) {
  for (const char* text : {"", " 1", "1 ", "1x", "0x10", "+1", "--1", "1,5"}) {
    EXPECT_FALSE(parse_int(text).ok()) << text;
    EXPECT_FALSE(parse_uint(text).ok()) << text;
    EXPECT_FALSE(parse_real(text).ok()) << text;
  }
  EXPECT_FALSE(parse_uint("-1").ok());
  EXPECT_FALSE(parse_int("9223372036854775808").ok());
  for (const char* text : {"nan", "inf", "-inf", "1e999"}) EXPECT_FALSE(parse_real(text).ok());
  for (const char* text : {"yes", "TRUE", "2", ""}) EXPECT_FALSE(parse_bool(text).ok());
}

TEST(Units, Bytes) {
  EXPECT_EQ(*parse_bytes("8GiB"), std::uint64_t{8} << 30);
  EXPECT_EQ(*parse_bytes("1.5KiB"), 1536U);
  EXPECT_EQ(*parse_bytes("512MB"), 512'000'000U);
  EXPECT_EQ(*parse_bytes("4096"), 4096U);
  EXPECT_EQ(*parse_bytes("18446744073709551615B"), UINT64_MAX);
  for (const char* text : {"", "GiB", "8gib", "8 GiB", "-1", "8Gib", "1..5KiB", "1e3", "9e9TiB"}) {
    EXPECT_FALSE(parse_bytes(text).ok()) << text;
  }
  EXPECT_THAT(parse_bytes("99999999TiB").status().message(), HasSubstr("out of range"));
}

TEST(Units, Durations) {
  EXPECT_EQ(*parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(*parse_duration("2s"), milliseconds(2000));
  EXPECT_EQ(*parse_duration("1.5m"), milliseconds(90000));
  for (const char* text : {"", "5", "s", "5h", "-1s", "1s1s"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
  EXPECT_FALSE(parse_duration("18446744073709551615ms").ok());
  EXPECT_FALSE(parse_duration("300000000000m").ok());
}

TEST(Units, Ranges) {
  EXPECT_THAT(*parse_number_ranges("0-3,8"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(*parse_number_ranges("5"), ElementsAre(5));
  EXPECT_THAT(*parse_number_ranges("4294967295"), ElementsAre(4294967295U));
  for (const char* text : {"", "-", "1-", "-1", "3-1", "1,,2", "1,1", "0-3,2", "0-4294967295"}) {
    EXPECT_FALSE(parse_number_ranges(text).ok()) << text;
  }
}

}  // namespace
}  // namespace synfire
