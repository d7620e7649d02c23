#include "core/model/mapped_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace synfire {
namespace {

// Kilobytes of the mapping at an address that this process holds.
std::size_t resident_kilobytes(const void* address) {
  std::ostringstream wanted;
  wanted << std::hex << reinterpret_cast<std::uintptr_t>(address) << '-';
  std::ifstream smaps("/proc/self/smaps");
  bool found = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.rfind(wanted.str(), 0) == 0) found = true;
    if (found && line.rfind("Rss:", 0) == 0) return std::stoul(line.substr(4));
  }
  return 0;
}

class MappedFileRelease : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    contents_.resize(20 * page + 100);
    for (std::size_t i = 0; i < contents_.size(); ++i)
      contents_[i] = static_cast<char>(i * 31 % 251);
    std::ofstream(dir_.path() / "file", std::ios::binary)
        .write(contents_.data(), static_cast<std::streamsize>(contents_.size()));
  }
  void expect_contents(const MappedFile& file) const {
    const auto* const bytes = reinterpret_cast<const char*>(file.bytes().data());
    EXPECT_TRUE(std::equal(contents_.begin(), contents_.end(), bytes));
  }

  test::TempDir dir_;
  std::vector<char> contents_;
};

TEST_P(MappedFileRelease, LetsPagesGoAndReadsThemAgain) {
  const auto file = MappedFile::open(dir_.path() / "file");
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const std::span<const std::byte> bytes = (*file)->bytes();
  expect_contents(**file);
  ASSERT_GT(resident_kilobytes(bytes.data()), 0u);
  (*file)->release(bytes, GetParam());
  EXPECT_LE(resident_kilobytes(bytes.data()), 4u);  // the last page is not whole
  expect_contents(**file);
}

// Neighbours on the first and the last page stay, and so does what is no page at all.
TEST_P(MappedFileRelease, TakesAnyPart) {
  const auto file = MappedFile::open(dir_.path() / "file");
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const std::span<const std::byte> bytes = (*file)->bytes();
  for (const auto& [offset, size] : {std::pair<std::size_t, std::size_t>{0, 0},
                                     {1, 10},
                                     {5000, 9000},
                                     {4095, 2},
                                     {bytes.size() - 1, 1}}) {
    (*file)->release(bytes.subspan(offset, size), GetParam());
    expect_contents(**file);
  }
}

INSTANTIATE_TEST_SUITE_P(FromCache, MappedFileRelease, testing::Bool());

}  // namespace
}  // namespace synfire
