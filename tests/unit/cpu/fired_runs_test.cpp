#include "backends/cpu/ops/fired_runs.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "backends/cpu/cpu_device.hpp"

namespace synfire::cpu {
namespace {

CpuOptions two_threads() {
  CpuOptions options;
  options.threads = 2;
  return options;
}

// Every entry is listed; some runs keep a part of theirs, some none.
TEST(FiredRuns, ReadLikeOneListInTheOrderOfTheEntries) {
  constexpr std::uint32_t kTiles = 60, kEntries = kTiles * kTileRows - 5;
  const CpuDevice device(two_threads());
  Workspace workspace;
  const GuidedRuns runs(device, kTiles, 16384);
  ASSERT_GT(runs.size(), 4u);
  FiredRuns fired(workspace, runs, kEntries);
  std::vector<std::uint32_t> expected;
  for (std::size_t run = runs.size(); run-- > 0;) {  // the last one first
    const std::uint32_t end = std::min(runs.end(run) * kTileRows, kEntries);
    std::uint32_t n = 0;
    for (std::uint32_t i = runs.first(run) * kTileRows; i < end; ++i)
      if (run != 1 && run != 3 && i % 3 != 0) {
        fired.ids(run)[n] = i;
        fired.gates(run)[n++] = static_cast<float>(i) / 2;
      }
    fired.set_size(run, n);
  }
  for (std::size_t run = 0; run < runs.size(); ++run)
    for (std::uint32_t i = runs.first(run) * kTileRows;
         i < std::min(runs.end(run) * kTileRows, kEntries); ++i)
      if (run != 1 && run != 3 && i % 3 != 0) expected.push_back(i);
  fired.index();
  ASSERT_EQ(fired.size(), expected.size());
  for (const std::uint32_t each : {1u, 16u, 100u, fired.size()})
    for (std::uint32_t first = 0; first < fired.size(); first += each) {
      const std::uint32_t n = std::min(each, fired.size() - first);
      std::vector<std::uint32_t> ids(n);
      std::vector<float> gates(n);
      fired.copy(first, n, ids.data(), gates.data());
      for (std::uint32_t i = 0; i < n; ++i) {
        ASSERT_EQ(ids[i], expected[first + i]);
        ASSERT_EQ(gates[i], static_cast<float>(ids[i]) / 2);
      }
    }
}

TEST(FiredRuns, MayBeEmpty) {
  const CpuDevice device(two_threads());
  Workspace workspace;
  const GuidedRuns none(device, 0, 16384), some(device, 30, 16384);
  FiredRuns nothing(workspace, none, 0);
  nothing.index();
  EXPECT_EQ(nothing.size(), 0u);
  FiredRuns nobody(workspace, some, 480);
  for (std::size_t run = 0; run < some.size(); ++run) nobody.set_size(run, 0);
  nobody.index();
  EXPECT_EQ(nobody.size(), 0u);
  nobody.copy(0, 0, nullptr, nullptr);
}

}  // namespace
}  // namespace synfire::cpu
