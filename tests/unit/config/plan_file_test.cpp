#include "core/config/plan_file.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kPlan =
    "version: 1\n"
    "group_size: 32\n"
    "layers:\n"
    "  - cpu:0[cores=0]: [40, 0-11]\n"
    "    reference:0: 12-39\n"
    "  - cpu: 0-47\n"
    "    reference:0:\n";

void expect_plan(const PlanFile& plan) {
  EXPECT_EQ(plan.version, 1U);
  EXPECT_EQ(plan.group_size, 32U);
  ASSERT_EQ(plan.layers.size(), 2U);
  const PlanFile::Layer& first = plan.layers[0];
  ASSERT_EQ(first.devices.size(), 2U);
  EXPECT_EQ(first.devices[0].device, "cpu:0[cores=0]");
  EXPECT_THAT(first.devices[0].groups,
              ElementsAre(PlanFile::Range{0, 11}, PlanFile::Range{40, 40}));
  EXPECT_THAT(first.devices[1].groups, ElementsAre(PlanFile::Range{12, 39}));
  EXPECT_EQ(plan.layers[1].devices[0].device, "cpu:0");
  EXPECT_THAT(plan.layers[1].devices[1].groups, IsEmpty());
}

TEST(PlanFile, Parses) {
  const Result<PlanFile> plan = parse_plan_file(kPlan, "plan.yaml");
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  expect_plan(*plan);
}

TEST(PlanFile, IsReadFromDisk) {
  const test::TempDir dir;
  const std::filesystem::path path = dir.path() / "plan.yaml";
  std::ofstream(path) << kPlan;
  const Result<PlanFile> plan = read_plan_file(path);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  expect_plan(*plan);
}

TEST(PlanFile, MissingFileIsNotFound) {
  const test::TempDir dir;
  EXPECT_EQ(read_plan_file(dir.path() / "no.yaml").status().code(), StatusCode::not_found);
}

}  // namespace
}  // namespace synfire
