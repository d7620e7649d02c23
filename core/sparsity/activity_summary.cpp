#include "core/sparsity/activity_summary.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace synfire {
namespace {

double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace

std::vector<std::uint64_t> hottest_first(const ActivityStats& stats) {
  std::vector<std::uint64_t> counts = stats.counts;
  std::sort(counts.begin(), counts.end(), std::greater<>());
  return counts;
}

double hot_coverage(const std::vector<std::uint64_t>& hottest_first, double share) {
  const auto n =
      static_cast<std::ptrdiff_t>(std::lround(share * static_cast<double>(hottest_first.size())));
  const auto middle = hottest_first.begin() + n;
  const std::uint64_t hot = std::accumulate(hottest_first.begin(), middle, std::uint64_t{0});
  return ratio(hot, std::accumulate(middle, hottest_first.end(), hot));
}

ActivitySummary summarize(const ActivityStats& stats, std::uint64_t n_tokens) {
  const std::uint64_t d_ff = stats.counts.size();
  const auto neurons_with = [&](std::uint64_t count) {
    return static_cast<std::uint64_t>(std::count(stats.counts.begin(), stats.counts.end(), count));
  };
  ActivitySummary summary;
  summary.active = ratio(
      std::accumulate(stats.counts.begin(), stats.counts.end(), std::uint64_t{0}), d_ff * n_tokens);
  summary.overlap = stats.overlaps.front().share();
  summary.hottest_fifth = hot_coverage(hottest_first(stats), 0.2);
  summary.in_run = ratio(stats.fired_in_run, stats.runs * d_ff);
  summary.once_in_run = ratio(stats.once_in_run, stats.fired_in_run);
  summary.never = neurons_with(0);
  summary.once = neurons_with(1);
  return summary;
}

}  // namespace synfire
