#include "plugins/sdk/memory_info.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/paths.hpp"

namespace synfire::sdk {
namespace {

class MemoryInfo : public testing::Test {
 protected:
  std::uint64_t read(std::string_view text, std::string_view row) {
    const std::string path = dir_.path() / "meminfo";
    std::ofstream(path) << text;
    return memory_info(row, path.c_str());
  }

  test::TempDir dir_;
};

TEST_F(MemoryInfo, ARowInBytes) {
  const char* const text = "MemTotal:       4036956 kB\nMemFree:   7 kB\nMemAvailable:  3 kB\n";
  EXPECT_EQ(read(text, "MemTotal:"), std::uint64_t{4036956} * 1024);
  EXPECT_EQ(read(text, "MemAvailable:"), 3U * 1024);
}

TEST_F(MemoryInfo, RowsOfANode) {
  const char* const text = "Node 1 MemTotal:  16 kB\nNode 1 MemFree:  5 kB\n";
  EXPECT_EQ(read(text, "MemFree:"), 5U * 1024);
}

TEST_F(MemoryInfo, WhatIsNotThereIsUnknown) {
  EXPECT_EQ(read("MemTotal: 1 kB\n", "MemAvailable:"), 0U);
  EXPECT_EQ(read("MemTotal: much kB\n", "MemTotal:"), 0U);
  EXPECT_EQ(memory_info("MemTotal:", "/no/such/file"), 0U);
}

TEST_F(MemoryInfo, ThisMachineHasMemory) {
  EXPECT_GT(available_memory(), 0U);
  EXPECT_LE(available_memory(), memory_info("MemTotal:"));
}

}  // namespace
}  // namespace synfire::sdk
