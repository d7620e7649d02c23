#include "core/base/endpoint.hpp"

#include <gtest/gtest.h>

namespace synfire {
namespace {

TEST(Endpoint, Parses) {
  EXPECT_EQ(*parse_endpoint("127.0.0.1:8001"), (Endpoint{"127.0.0.1", 8001}));
  EXPECT_EQ(*parse_endpoint("localhost:0"), (Endpoint{"localhost", 0}));
  EXPECT_EQ(*parse_endpoint("[::1]:65535"), (Endpoint{"::1", 65535}));
}

TEST(Endpoint, TextComesBack) {
  for (const char* text : {"127.0.0.1:8001", "[fe80::1%eth0]:80", "a-b.example:1"}) {
    EXPECT_EQ(parse_endpoint(text)->to_string(), text);
  }
}

TEST(Endpoint, RefusesTheRest) {
  for (const char* text : {"", ":", "8001", "localhost", "localhost:", ":8001", "::1:8001", "[]:1",
                           "[::1]", "a b:1", "a:1:2", "a:-1", "a:65536", "a:1x"}) {
    EXPECT_FALSE(parse_endpoint(text).ok()) << text;
  }
  EXPECT_EQ(parse_endpoint("a:70000").status().message(),
            "got port '70000' in 'a:70000', want a whole number from 0 to 65535");
}

}  // namespace
}  // namespace synfire
