#include "core/config/devices_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/plan_file.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  return parse_devices_file(text, "d.yaml").status().message();
}

TEST(DevicesFile, Parses) {
  const auto file = parse_devices_file(
      "version: 1\ndevices:\n  - device: cuda\n    memory: 24GB\n    bandwidth: 900GB\n"
      "    shared: 0.5\n    stage_us: 5\n    step_us: 30\n    layer_us: 2.5\n  - {device: "
      "'cpu:0[cores=0-3]', memory: 1GiB, bandwidth: "
      "30GB, row_bandwidth: 20GB}\n",
      "d.yaml");
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->devices.size(), 2U);
  EXPECT_EQ(file->devices[0].device, "cuda:0");
  EXPECT_EQ(file->devices[0].memory, 24000000000U);
  EXPECT_EQ(file->devices[0].bandwidth, 9e11);
  EXPECT_EQ(file->devices[0].shared, 0.5);
  EXPECT_EQ(file->devices[0].stage_us, 5);
  EXPECT_EQ(file->devices[0].step_us, 30);
  EXPECT_EQ(file->devices[0].layer_us, 2.5);
  EXPECT_EQ(file->devices[1].layer_us, 0);
  EXPECT_EQ(file->devices[1].row_bandwidth, 2e10);
}

TEST(DevicesFile, TheExampleIsRead) {
  const auto file = read_devices_file(test::config_file("devices.yaml"));
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->devices.size(), 2U);
  EXPECT_EQ(file->devices[0].layer_us, 10);
  EXPECT_EQ(file->devices[1].memory, 64'000'000'000U);
}

TEST(DevicesFile, RefusesWhatItDoesNotKnow) {
  const std::string good = "version: 1\ndevices:\n  - device: cpu\n    memory: 1GB\n";
  EXPECT_THAT(refusal(good), HasSubstr("d.yaml:3:5: 'bandwidth' is missing"));
  EXPECT_THAT(refusal(good + "    bandwith: 1GB\n"),
              HasSubstr("d.yaml:5:5: unknown key 'bandwith' (did you mean 'bandwidth'?)"));
  EXPECT_THAT(refusal(good + "    bandwidth: fast\n"), HasSubstr("got 'fast', want a size"));
  EXPECT_THAT(refusal(good + "    bandwidth: 1GB\n    shared: 2\n"), HasSubstr("shared: got '2'"));
  EXPECT_THAT(
      refusal(good + "    bandwidth: 1GB\n  - {device: cpu:0, memory: 1GB, bandwidth: 1GB}\n"),
      HasSubstr("device cpu:0 twice"));
  EXPECT_THAT(refusal("version: 2\ndevices: []\n"), HasSubstr("version: got '2', want 1"));
}

TEST(PlanFile, IsWrittenAsItIsRead) {
  PlanFile plan;
  plan.group_size = 16;
  plan.layers = {{{{"cpu:0[cores=0]", plan_ranges({0, 1, 2, 5})}, {"cpu:1", plan_ranges({3, 4})}}},
                 {{{"cpu:0[cores=0]", {}}, {"cpu:1", plan_ranges({0, 1, 2, 3, 4, 5})}}}};
  const auto again = parse_plan_file(format_plan_file(plan, "one\ntwo"), "p.yaml");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->group_size, 16U);
  ASSERT_EQ(again->layers.size(), 2U);
  EXPECT_EQ(again->layers[0].devices[0].device, "cpu:0[cores=0]");
  EXPECT_EQ(again->layers[0].devices[0].groups, plan.layers[0].devices[0].groups);
  EXPECT_TRUE(again->layers[1].devices[0].groups.empty());
  EXPECT_FALSE(again->expected);
}

TEST(PlanFile, KeepsWhatItExpects) {
  PlanFile plan;
  plan.group_size = 16;
  plan.expected = {41.5, 64};
  plan.layers = {{{{"cpu:0", plan_ranges({0})}}}};
  const auto again = parse_plan_file(format_plan_file(plan, ""), "p.yaml");
  ASSERT_TRUE(again.ok()) << again.status().message();
  ASSERT_TRUE(again->expected);
  EXPECT_EQ(again->expected->tokens_per_second, 41.5);
  EXPECT_EQ(again->expected->depth, 64U);
}

}  // namespace
}  // namespace synfire
