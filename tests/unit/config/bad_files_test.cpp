// Every file of tests/data/config-bad is refused with the words that its first line expects:
//   # expect: 3:12: model.context: ...
// Files named plan-* are plans, the others configurations.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/config_file.hpp"
#include "core/config/plan_file.hpp"
#include "core/config/yaml_reader.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

std::vector<std::filesystem::path> bad_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(test::data_file("config-bad"))) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Status load(const std::filesystem::path& path) {
  if (path.filename().string().starts_with("plan-")) return read_plan_file(path).status();
  OptionValues values(Command::serve);
  return load_config_file(values, path);
}

std::string expected(const std::filesystem::path& path) {
  const std::string text = *read_text_file(path, 1 << 20);
  constexpr std::string_view kBefore = "# expect: ";
  if (!text.starts_with(kBefore)) return {};
  return text.substr(kBefore.size(), text.find('\n') - kBefore.size());
}

TEST(BadFiles, AreRefusedAsTheySay) {
  const std::vector<std::filesystem::path> files = bad_files();
  ASSERT_GT(files.size(), 50U);
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename().string());
    const Status status = load(path);
    EXPECT_EQ(status.code(), StatusCode::invalid_argument);
    ASSERT_FALSE(expected(path).empty());
    EXPECT_THAT(status.message(), testing::StartsWith(path.string()));
    EXPECT_THAT(status.message(), testing::HasSubstr(expected(path)));
  }
}

}  // namespace
}  // namespace synfire
