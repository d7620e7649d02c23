#include "plugins/host/host_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/host/options.hpp"
#include "tests/abi/plugin_log.hpp"

namespace synfire {
namespace {

using host::host_table;
using host::take_error;

TEST(HostTable, SaysWhatItIs) {
  EXPECT_EQ(host_table().struct_size, sizeof(sf_host));
  EXPECT_EQ(host_table().abi_major, SYNFIRE_ABI_MAJOR);
  EXPECT_EQ(host_table().abi_minor, SYNFIRE_ABI_MINOR);
}

TEST(HostTable, ErrorsKeepCodeAndText) {
  char text[] = "no room";
  sf_error* const error = host_table().error_create(8, text);
  text[0] = 'X';  // the error has its own copy
  EXPECT_EQ(host_table().error_code(error), 8);
  EXPECT_STREQ(host_table().error_message(error), "no room");
  EXPECT_EQ(take_error(error, "plugin good"),
            Status(StatusCode::resource_exhausted, "plugin good: no room"));
}

TEST(HostTable, NoErrorIsSuccess) {
  EXPECT_TRUE(take_error(nullptr, "plugin good").ok());
  EXPECT_EQ(host_table().error_code(nullptr), 0);
  EXPECT_STREQ(host_table().error_message(nullptr), "");
  host_table().error_destroy(nullptr);
}

TEST(HostTable, AnErrorIsNeverSuccess) {
  EXPECT_EQ(take_error(host_table().error_create(0, "zero"), "p").code(), StatusCode::internal);
  EXPECT_EQ(take_error(host_table().error_create(-3, "less"), "p").code(), StatusCode::unknown);
  EXPECT_EQ(take_error(host_table().error_create(77, "more"), "p").code(), StatusCode::unknown);
  EXPECT_EQ(take_error(host_table().error_create(3, nullptr), "p"), invalid_argument("p: "));
}

TEST(HostTable, LogGoesToTheSink) {
  test::PluginLog log;
  host_table().log(SF_LOG_WARNING, "good", "low on memory");
  host_table().log(99, nullptr, nullptr);
  EXPECT_THAT(log.take(), testing::ElementsAre("good: low on memory", ": "));
}

TEST(HostTable, LogOfTheProcessWithoutASink) {
  testing::internal::CaptureStderr();
  host_table().log(SF_LOG_WARNING, "good", "low on memory");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("plugin good: low on memory"));
}

TEST(Options, ViewHasThemInOrder) {
  const host::Options options = {{"cores", "0-3"}, {"memory", "8GiB"}};
  const host::OptionsView view(options);
  ASSERT_EQ(view.get()->count, 2u);
  EXPECT_STREQ(view.get()->keys[1], "memory");
  EXPECT_STREQ(view.get()->values[0], "0-3");
}

}  // namespace
}  // namespace synfire
