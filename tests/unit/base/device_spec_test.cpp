#include "core/base/device_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DeviceSpec, ParsesSeveral) {
  const auto specs =
      parse_device_specs("cpu:0[cores=0-3,8,memory=8GiB], cuda:1[memory=2GB],reference");
  ASSERT_TRUE(specs.ok()) << specs.status().message();
  ASSERT_EQ(specs->size(), 3U);
  const DeviceSpec& cpu = (*specs)[0];
  EXPECT_EQ(cpu.plugin, "cpu");
  EXPECT_EQ(cpu.index, 0U);
  EXPECT_EQ(cpu.options.at("cores"), "0-3,8");
  EXPECT_THAT(**cpu.numbers("cores"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_EQ(**cpu.bytes("memory"), std::uint64_t{8} << 30);
  EXPECT_FALSE(cpu.bytes("absent")->has_value());
  EXPECT_EQ((*specs)[1].index, 1U);
  EXPECT_EQ((*specs)[2].to_string(), "reference:0");
}

TEST(DeviceSpec, TextComesBack) {
  for (const char* text : {"cpu:0", "cpu:12[cores=0,2,4-6]", "async:0[delay=5ms,seed=1]"}) {
    const auto spec = parse_device_spec(text);
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    EXPECT_EQ(spec->to_string(), text);
    EXPECT_EQ(*parse_device_spec(spec->to_string()), *spec);
  }
}

TEST(DeviceSpec, RefusesTheRest) {
  for (const char* text :
       {"", ",", "cpu:", "cpu:x", "cpu:-1", "cpu:4294967296", "CPU:0", "cpu:0[", "cpu:0[]",
        "cpu:0[cores]", "cpu:0[cores=]", "cpu:0[=1]", "cpu:0[cores=0,cores=1]", "cpu:0[cores=0,]",
        "cpu:0 reference:0", "cpu:0,", "cpu:0]", "cpu:0[a=1]b"}) {
    EXPECT_FALSE(parse_device_specs(text).ok()) << text;
  }
  EXPECT_FALSE(parse_device_spec("cpu:0,cpu:1").ok());
}

TEST(DeviceSpec, ErrorsNameTheDeviceAndTheKey) {
  EXPECT_EQ(parse_device_specs("cpu:x").status().message(),
            "device 'cpu:x': index 'x', want a whole number");
  EXPECT_THAT(parse_device_specs("cpu:0[cores=1").status().message(),
              HasSubstr("got 'cores=1', want a ']'"));
  const auto spec = parse_device_spec("cpu:0[cores=3-1,memory=lots]");
  ASSERT_TRUE(spec.ok());
  EXPECT_THAT(spec->numbers("cores").status().message(),
              HasSubstr("device cpu:0[cores=3-1,memory=lots]: cores: got '3-1'"));
  EXPECT_THAT(spec->bytes("memory").status().message(), HasSubstr("memory: got 'lots'"));
}

}  // namespace
}  // namespace synfire
