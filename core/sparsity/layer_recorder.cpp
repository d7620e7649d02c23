#include "core/sparsity/layer_recorder.hpp"

#include <algorithm>

#include "core/sparsity/fired_bits.hpp"
#include "core/sparsity/matrix_product.hpp"

namespace synfire {

void LayerRecorder::begin_window(bool held_out) {
  held_out_ = held_out;
  n_tokens_ = 0;
}

void LayerRecorder::add(std::span<const float> inputs, std::span<const float> gates) {
  FfnInputs& kept = profile_.inputs;
  if (held_out_) {
    kept.held_out.add(inputs);
  } else {
    add_gram(inputs, kept.calibration.cols(), kept.moments.data());
    if (!kept.sums.empty()) kept.add_to_sums(inputs);  // else it goes on from a file without
    kept.calibration.add(inputs);
    kept.n_rows = kept.calibration.seen();
  }
  const std::size_t d_ff = profile_.stats.counts.size(), words = fired_words(d_ff);
  const std::size_t n = gates.size() / d_ff;
  window_.resize(std::max(window_.size(), (n_tokens_ + n) * words));
  for (std::size_t t = 0; t < n; ++t, ++n_tokens_)
    pack_fired(gates.subspan(t * d_ff, d_ff), window_.data() + n_tokens_ * words);
}

void LayerRecorder::end_window() {
  count_overlaps();
  for (std::size_t t = 0; t < n_tokens_; t += TraceSample::kRunTokens)
    add_run(t, std::min<std::size_t>(TraceSample::kRunTokens, n_tokens_ - t));
}

std::span<const std::uint64_t> LayerRecorder::fired(std::size_t token) const {
  const std::size_t words = fired_words(profile_.stats.counts.size());
  return {window_.data() + token * words, words};
}

void LayerRecorder::count_overlaps() {
  std::vector<std::uint64_t> fired_before(n_tokens_ + 1);  // firings of the tokens before
  for (std::size_t t = 0; t < n_tokens_; ++t)
    fired_before[t + 1] = fired_before[t] + count_common(fired(t), fired(t));
  for (std::size_t i = 0; i < ActivityStats::kLags.size(); ++i) {
    const std::size_t lag = ActivityStats::kLags[i];
    if (lag >= n_tokens_) return;
    ActivityStats::Overlap& overlap = profile_.stats.overlaps[i];
    overlap.fired += fired_before[n_tokens_] - fired_before[lag];
    for (std::size_t t = lag; t < n_tokens_; ++t)
      overlap.again += count_common(fired(t), fired(t - lag));
  }
}

void LayerRecorder::add_run(std::size_t first, std::size_t n) {
  ActivityStats& stats = profile_.stats;
  const std::size_t d_ff = stats.counts.size();
  run_.resize(d_ff);
  for (std::size_t j = 0; j < d_ff; j += 64) {
    std::uint64_t block[64]{};
    for (std::size_t t = 0; t < n; ++t) block[t] = fired(first + t)[j / 64];
    transpose_bits(block);
    std::copy_n(block, std::min<std::size_t>(64, d_ff - j), run_.data() + j);
  }
  const RunFirings firings = count_run(run_, stats.counts);
  if (n == TraceSample::kRunTokens) {
    ++stats.runs;
    stats.fired_in_run += firings.fired;
    stats.once_in_run += firings.once;
  }
  profile_.traces.add(run_, static_cast<std::uint32_t>(n));
}

}  // namespace synfire
