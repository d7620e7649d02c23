#include "core/sparsity/trace_sample.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace synfire {
namespace {

// A number that looks random and follows from its argument (splitmix64, Steele et al. 2014).
std::uint64_t scrambled(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
  x = (x ^ x >> 27) * 0x94D049BB133111EB;
  return x ^ x >> 31;
}

}  // namespace

void TraceSample::add(std::span<const std::uint64_t> fired, std::uint32_t n_tokens) {
  ++seen_;
  if (lengths_.size() < kMaxRuns) {
    lengths_.push_back(n_tokens);
    bits_.insert(bits_.end(), fired.begin(), fired.end());
    return;
  }
  const std::uint64_t place = scrambled(seen_) % seen_;
  if (place >= kMaxRuns) return;
  lengths_[place] = n_tokens;
  std::copy(fired.begin(), fired.end(),
            bits_.begin() + static_cast<std::ptrdiff_t>(place * std::size_t{d_ff_}));
}

std::uint32_t TraceSample::n_tokens() const {
  return std::accumulate(lengths_.begin(), lengths_.end(), std::uint32_t{0});
}

LayerActivity TraceSample::activity(std::uint32_t max_tokens) const {
  LayerActivity activity(d_ff_, std::min(max_tokens, n_tokens()));
  const std::uint64_t* run = bits_.data();
  std::uint32_t first = 0;
  for (std::size_t i = 0; i < lengths_.size() && first < activity.n_tokens(); ++i, run += d_ff_) {
    const std::uint32_t n = std::min(lengths_[i], activity.n_tokens() - first);
    const std::uint64_t wanted = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
    for (std::uint32_t neuron = 0; neuron < d_ff_; ++neuron)
      for (std::uint64_t bits = run[neuron] & wanted; bits != 0; bits &= bits - 1)
        activity.set(neuron, first + static_cast<std::uint32_t>(std::countr_zero(bits)));
    first += n;
  }
  return activity;
}

}  // namespace synfire
