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
  const std::uint64_t n = n_tokens(), wanted = std::min<std::uint64_t>(max_tokens, n);
  LayerActivity activity(d_ff_, static_cast<std::uint32_t>(wanted));
  const std::uint64_t* run = bits_.data();
  std::uint64_t first = 0;  // of the run, among all n
  for (const std::uint32_t length : lengths_) {
    for (std::uint32_t neuron = 0; neuron < d_ff_; ++neuron)
      for (std::uint64_t bits = run[neuron]; bits != 0; bits &= bits - 1) {
        const std::uint64_t token = first + static_cast<std::uint64_t>(std::countr_zero(bits));
        // The first token at or after each of the even places.
        const std::uint64_t place = token * wanted / n;
        if (token == 0 || (token - 1) * wanted / n != place)
          activity.set(neuron, static_cast<std::uint32_t>(place));
      }
    first += length;
    run += d_ff_;
  }
  return activity;
}

}  // namespace synfire
