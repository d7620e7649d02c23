#pragma once

#include <filesystem>
#include <string_view>

// Where the tests find their files.
namespace synfire::test {

// tests/data/NAME of this checkout: committed, always there.
std::filesystem::path data_file(std::string_view name);

// configs/NAME of this checkout.
std::filesystem::path config_file(std::string_view name);

// ../shared/data/NAME beside this checkout, which a clone may lack. Use SYNFIRE_SHARED_OR_SKIP in a
// test.
std::filesystem::path shared_file(std::string_view name);

// The plugins that this build made: the product's own, and the tests' own.
std::filesystem::path plugin_dir();
std::filesystem::path test_plugin_dir();

// A fresh folder, removed with everything in it when the object goes.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace synfire::test

// Declares `variable` as the path of a shared file, or skips the running test and says so.
#define SYNFIRE_SHARED_OR_SKIP(variable, name)                               \
  const std::filesystem::path variable = ::synfire::test::shared_file(name); \
  if (!std::filesystem::exists(variable))                                    \
  GTEST_SKIP() << "needs " << variable.string() << ", which this clone lacks"
