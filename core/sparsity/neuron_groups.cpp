#include "core/sparsity/neuron_groups.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace synfire {
namespace {

// Candidates to join a group, for each place in it: more make groups more alike in time, and less
// in how hot they are.
constexpr std::size_t kCandidatesPerPlace = 4;

}  // namespace

NeuronOrder neurons_as_numbered(std::uint32_t d_ff) {
  NeuronOrder order(d_ff);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

NeuronOrder cluster_neurons(const LayerActivity& activity, std::uint32_t group_size) {
  NeuronOrder hottest = neurons_as_numbered(activity.d_ff());
  std::vector<std::uint32_t> counts;
  for (const std::uint32_t neuron : hottest) counts.push_back(activity.count(neuron));
  std::stable_sort(hottest.begin(), hottest.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return counts[a] > counts[b]; });
  NeuronOrder order;
  order.reserve(hottest.size());
  auto next = hottest.begin();
  NeuronOrder candidates;        // the hottest that are left, hottest first
  std::vector<double> together;  // by candidate: tokens it shares with members, summed
  while (order.size() < hottest.size()) {
    while (next != hottest.end() && candidates.size() < kCandidatesPerPlace * group_size)
      candidates.push_back(*next++);
    together.assign(candidates.size(), 0);
    std::size_t chosen = 0;  // the hottest begins
    for (std::uint32_t place = 0; place < group_size && !candidates.empty(); ++place) {
      const std::uint32_t member = candidates[chosen];
      order.push_back(member);
      candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(chosen));
      together.erase(together.begin() + static_cast<std::ptrdiff_t>(chosen));
      chosen = 0;
      double most = -1;
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        together[i] += activity.together(candidates[i], member);
        const double score = together[i] / std::sqrt(std::max(1U, counts[candidates[i]]));
        if (score <= most) continue;
        most = score;
        chosen = i;
      }
    }
  }
  return order;
}

std::vector<std::int16_t> count_active(const LayerActivity& activity, const NeuronOrder& order,
                                       std::uint32_t group_size) {
  const std::size_t n_tokens = activity.n_tokens();
  std::vector<std::int16_t> counts((order.size() + group_size - 1) / group_size * n_tokens);
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::int16_t* const row = counts.data() + i / group_size * n_tokens;
    for (std::uint32_t t = 0; t < n_tokens; ++t)
      row[t] = static_cast<std::int16_t>(row[t] + (activity.fired(order[i], t) ? 1 : 0));
  }
  return counts;
}

}  // namespace synfire
