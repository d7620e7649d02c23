#include "core/sparsity/layer_recorder.hpp"

#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "core/sparsity/activity_summary.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kWidth = 5, kNeurons = 70;

struct Window {
  std::size_t n;
  std::vector<float> inputs, gates;
};

std::vector<Window> random_windows(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Window> windows;
  for (const std::size_t n : {1U, 63U, 64U, 65U, 130U, 256U, 7U}) {
    Window window{n, std::vector<float>(n * kWidth), std::vector<float>(n * kNeurons)};
    for (float& value : window.inputs) value = normal(random);
    // Neurons of all kinds: some hot, the first never.
    for (std::size_t i = 0; i < window.gates.size(); ++i)
      window.gates[i] = normal(random) + static_cast<float>(i % kNeurons) / 30 - 2;
    for (std::size_t t = 0; t < n; ++t) window.gates[t * kNeurons] = -1;
    windows.push_back(std::move(window));
  }
  return windows;
}

// By `step` tokens at once, as an engine's steps are.
void record(LayerRecorder& recorder, const Window& window, bool held_out, std::size_t step) {
  recorder.begin_window(held_out);
  for (std::size_t t = 0; t < window.n; t += step) {
    const std::size_t n = std::min(step, window.n - t);
    recorder.add(std::span(window.inputs).subspan(t * kWidth, n * kWidth),
                 std::span(window.gates).subspan(t * kNeurons, n * kNeurons));
  }
  recorder.end_window();
}

bool fired(const Window& window, std::size_t token, std::size_t neuron) {
  return window.gates[token * kNeurons + neuron] > 0;
}

// The same by counting alone.
ActivityStats counted(const std::vector<Window>& windows) {
  ActivityStats stats(kNeurons);
  for (const Window& window : windows)
    for (std::size_t j = 0; j < kNeurons; ++j) {
      for (std::size_t t = 0; t < window.n; ++t) {
        if (!fired(window, t, j)) continue;
        ++stats.counts[j];
        for (std::size_t l = 0; l < ActivityStats::kLags.size(); ++l) {
          const std::size_t lag = ActivityStats::kLags[l];
          if (t < lag) continue;
          ++stats.overlaps[l].fired;
          stats.overlaps[l].again += fired(window, t - lag, j) ? 1 : 0;
        }
      }
      for (std::size_t first = 0; first + 64 <= window.n; first += 64) {
        std::size_t times = 0;
        for (std::size_t t = first; t < first + 64; ++t) times += fired(window, t, j) ? 1 : 0;
        stats.fired_in_run += times > 0 ? 1 : 0;
        stats.once_in_run += times == 1 ? 1 : 0;
      }
    }
  for (const Window& window : windows) stats.runs += window.n / 64;
  return stats;
}

void expect_same(const LayerProfile& got, const LayerProfile& want) {
  EXPECT_EQ(got.stats, want.stats);
  EXPECT_EQ(got.traces, want.traces);
  EXPECT_EQ(got.inputs.n_rows, want.inputs.n_rows);
  const auto same = [](std::span<const float> a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  EXPECT_TRUE(same(got.inputs.moments, want.inputs.moments));
  EXPECT_EQ(got.inputs.sums, want.inputs.sums);
  EXPECT_TRUE(same(got.inputs.calibration.rows(), want.inputs.calibration.rows()));
  EXPECT_TRUE(same(got.inputs.held_out.rows(), want.inputs.held_out.rows()));
}

TEST(LayerRecorder, CountsWhatFires) {
  const std::vector<Window> windows = random_windows(1);
  LayerRecorder recorder(LayerProfile(kWidth, kNeurons));
  for (const Window& window : windows) record(recorder, window, false, 100);
  EXPECT_EQ(recorder.profile().stats, counted(windows));
  EXPECT_EQ(recorder.profile().stats.counts[0], 0U);
}

TEST(LayerRecorder, TracesAreWhatFired) {
  const std::vector<Window> windows = random_windows(2);
  LayerRecorder recorder(LayerProfile(kWidth, kNeurons));
  std::size_t n = 0;
  for (const Window& window : windows) {
    record(recorder, window, false, 64);
    n += window.n;
  }
  const LayerActivity activity = recorder.profile().traces.activity();
  ASSERT_EQ(activity.n_tokens(), n);
  std::uint32_t token = 0;
  for (const Window& window : windows)
    for (std::size_t t = 0; t < window.n; ++t, ++token)
      for (std::uint32_t j = 0; j < kNeurons; ++j)
        ASSERT_EQ(activity.fired(j, token), fired(window, t, j)) << token << " " << j;
}

TEST(LayerRecorder, MomentsAreOfWhatIsNotHeldOut) {
  const std::vector<Window> windows = random_windows(3);
  LayerRecorder recorder(LayerProfile(kWidth, kNeurons));
  std::vector<double> moments(kWidth * kWidth), sums(kWidth);
  std::size_t seen = 0, held_out = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows[i];
    record(recorder, window, i % 2 == 1, 50);
    (i % 2 == 1 ? held_out : seen) += window.n;
    for (std::size_t t = 0; i % 2 == 0 && t < window.n; ++t)
      for (std::size_t r = 0; r < kWidth; ++r) {
        sums[r] += double{window.inputs[t * kWidth + r]};
        for (std::size_t c = 0; c < kWidth; ++c)
          moments[r * kWidth + c] +=
              double{window.inputs[t * kWidth + r]} * double{window.inputs[t * kWidth + c]};
      }
  }
  const FfnInputs& inputs = recorder.profile().inputs;
  EXPECT_EQ(inputs.n_rows, seen);
  EXPECT_EQ(inputs.sums, sums);
  EXPECT_EQ(inputs.calibration.n_rows(), seen);
  EXPECT_EQ(inputs.held_out.n_rows(), held_out);
  for (std::size_t r = 0; r < kWidth; ++r)
    for (std::size_t c = 0; c <= r; ++c)
      EXPECT_NEAR(inputs.moments[r * kWidth + c], moments[r * kWidth + c], 1e-3) << r << " " << c;
}

TEST(LayerRecorder, GoesOnAsIfItHadNotStopped) {
  const std::vector<Window> windows = random_windows(4);
  LayerRecorder whole(LayerProfile(kWidth, kNeurons)), first(LayerProfile(kWidth, kNeurons));
  for (int round = 0; round < 30; ++round)  // more than the samples hold
    for (const Window& window : windows) record(whole, window, round % 4 == 3, 128);
  for (int round = 0; round < 11; ++round)
    for (const Window& window : windows) record(first, window, round % 4 == 3, 128);
  const LayerProfile& left = first.profile();
  LayerProfile taken(kWidth, kNeurons);
  taken.stats = left.stats;
  const auto copied = [](const auto& values) { return std::vector(values.begin(), values.end()); };
  taken.traces = TraceSample(kNeurons, copied(left.traces.bits()), copied(left.traces.lengths()),
                             left.traces.seen());
  taken.inputs.moments = left.inputs.moments;
  taken.inputs.sums = left.inputs.sums;
  taken.inputs.calibration =
      RowSample(kWidth, FfnRowLimits().calibration, copied(left.inputs.calibration.rows()),
                left.inputs.calibration.seen());
  taken.inputs.held_out =
      RowSample(kWidth, FfnRowLimits().held_out, copied(left.inputs.held_out.rows()),
                left.inputs.held_out.seen());
  LayerRecorder second(std::move(taken));
  for (int round = 11; round < 30; ++round)
    for (const Window& window : windows) record(second, window, round % 4 == 3, 128);
  expect_same(second.profile(), whole.profile());
}

TEST(ActivitySummary, SaysWhatTheCountsSay) {
  ActivityStats stats(10);
  stats.counts = {0, 1, 9, 0, 0, 50, 0, 0, 0, 40};
  stats.overlaps[0] = {80, 20};
  stats.runs = 2;
  stats.fired_in_run = 8;
  stats.once_in_run = 2;
  const ActivitySummary summary = summarize(stats, 100);
  EXPECT_DOUBLE_EQ(summary.active, 0.1);
  EXPECT_DOUBLE_EQ(summary.overlap, 0.25);
  EXPECT_DOUBLE_EQ(summary.hottest_fifth, 0.9);
  EXPECT_DOUBLE_EQ(summary.in_run, 0.4);
  EXPECT_DOUBLE_EQ(summary.once_in_run, 0.25);
  EXPECT_EQ(summary.never, 6U);
  EXPECT_EQ(summary.once, 1U);
  EXPECT_DOUBLE_EQ(hot_coverage(hottest_first(stats), 1), 1);
  EXPECT_DOUBLE_EQ(hot_coverage(hottest_first(ActivityStats(10)), 0.5), 0);
}

}  // namespace
}  // namespace synfire
