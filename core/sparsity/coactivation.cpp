#include "core/sparsity/coactivation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "core/sparsity/fired_bits.hpp"

namespace synfire {
namespace {

// Every other run of the traces.
class Half {
 public:
  Half(const TraceSample& traces, std::size_t first)
      : traces_(traces), first_(first), counts_(traces.d_ff()) {
    for (std::size_t run = first_; run < n_runs(); run += 2) {
      count_run(bits(run), counts_);
      n_tokens_ += traces_.lengths()[run];
    }
  }

  [[nodiscard]] const std::vector<std::uint64_t>& counts() const { return counts_; }
  // Tokens for which both fire, were they independent.
  [[nodiscard]] double expected(std::size_t a, std::size_t b) const {
    return static_cast<double>(counts_[a]) * static_cast<double>(counts_[b]) /
           static_cast<double>(std::max<std::uint64_t>(n_tokens_, 1));
  }
  // By neuron, the tokens for which it fires with that one.
  [[nodiscard]] std::vector<std::uint64_t> together(std::size_t neuron) const {
    std::vector<std::uint64_t> counts(traces_.d_ff());
    for (std::size_t run = first_; run < n_runs(); run += 2)
      if (bits(run)[neuron] != 0) count_together(bits(run)[neuron], bits(run), counts);
    return counts;
  }

 private:
  [[nodiscard]] std::size_t n_runs() const { return traces_.lengths().size(); }
  [[nodiscard]] std::span<const std::uint64_t> bits(std::size_t run) const {
    return traces_.bits().subspan(run * traces_.d_ff(), traces_.d_ff());
  }

  const TraceSample& traces_;
  std::size_t first_;
  std::uint64_t n_tokens_ = 0;
  std::vector<std::uint64_t> counts_;
};

// Those that fire with the neuron most beyond what is expected, by standard deviations of that.
std::vector<std::uint32_t> partners_of(const Half& half, std::uint32_t neuron) {
  const std::vector<std::uint64_t> together = half.together(neuron);
  std::vector<double> scores(together.size(), -1);
  for (std::size_t j = 0; j < together.size(); ++j) {
    const double expected = half.expected(neuron, j);
    if (j != neuron && expected > 0)
      scores[j] = (static_cast<double>(together[j]) - expected) / std::sqrt(expected);
  }
  std::vector<std::uint32_t> best(together.size());
  std::iota(best.begin(), best.end(), 0U);
  const auto n = std::min<std::ptrdiff_t>(Coactivation::kPartners, std::ssize(best));
  std::partial_sort(best.begin(), best.begin() + n, best.end(),
                    [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  best.resize(static_cast<std::size_t>(n));
  std::erase_if(best, [&](std::uint32_t j) { return scores[j] <= 0; });
  return best;
}

// Of the neurons that fire, so many at even distances.
std::vector<std::uint32_t> some_that_fire(const std::vector<std::uint64_t>& counts) {
  std::vector<std::uint32_t> all, some;
  for (std::uint32_t j = 0; j < counts.size(); ++j)
    if (counts[j] != 0) all.push_back(j);
  const std::size_t n = std::min<std::size_t>(Coactivation::kNeurons, all.size());
  for (std::size_t i = 0; i < n; ++i) some.push_back(all[i * all.size() / n]);
  return some;
}

}  // namespace

Coactivation find_coactivation(const TraceSample& traces) {
  const Half chosen_in(traces, 0), measured_in(traces, 1);
  double together = 0, expected = 0;
  for (const std::uint32_t neuron : some_that_fire(chosen_in.counts())) {
    const std::vector<std::uint64_t> with = measured_in.together(neuron);
    for (const std::uint32_t partner : partners_of(chosen_in, neuron)) {
      together += static_cast<double>(with[partner]);
      expected += measured_in.expected(neuron, partner);
    }
  }
  return {expected > 0 ? together / expected : 0};
}

}  // namespace synfire
