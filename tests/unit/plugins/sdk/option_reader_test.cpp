#include "plugins/sdk/option_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>
#include <vector>

namespace synfire::sdk {
namespace {

struct Options {
  Options(std::initializer_list<std::pair<const char*, const char*>> options) {
    for (const auto& [key, value] : options) {
      keys.push_back(key);
      values.push_back(value);
    }
    view = {static_cast<std::uint32_t>(keys.size()), 0, keys.data(), values.data()};
  }
  std::vector<const char*> keys, values;
  sf_options view;
};

// The message of the INVALID_ARGUMENT that `body` throws; "" if it throws nothing.
template <typename Body>
std::string message_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(OptionReader, ReadsTextAndNumbers) {
  const Options options{{"cores", "0-3"}, {"threads", "8"}};
  OptionReader reader("cpu:0", options.view);
  EXPECT_EQ(reader.text("cores"), "0-3");
  EXPECT_EQ(reader.text("memory"), std::nullopt);
  EXPECT_EQ(reader.number("threads", 1, 1, 64), 8u);
  EXPECT_EQ(reader.number("chunk", 5, 1, 64), 5u);
  EXPECT_EQ(message_of([&] { reader.finish(); }), "");
}

TEST(OptionReader, ImpossibleNumbersAreNamed) {
  for (const char* const value : {"", "x", "8x", " 8", "-1", "0", "65", "99999999999999999999"}) {
    const Options options{{"threads", value}};
    OptionReader reader("cpu:0", options.view);
    EXPECT_EQ(message_of([&] { reader.number("threads", 1, 1, 64); }),
              std::string("cpu:0: option threads=") + value + ", want a number from 1 to 64");
  }
}

TEST(OptionReader, UnknownKeysAreNamedWithTheKnownOnes) {
  const Options options{{"colour", "blue"}};
  OptionReader none("reference:0", options.view);
  EXPECT_EQ(message_of([&] { none.finish(); }),
            "reference:0: option colour is unknown, want no options");
  OptionReader some("cpu:0", options.view);
  some.text("cores");
  some.text("threads");
  EXPECT_EQ(message_of([&] { some.finish(); }),
            "cpu:0: option colour is unknown, want one of cores threads");
}

}  // namespace
}  // namespace synfire::sdk
