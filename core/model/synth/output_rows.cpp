#include "core/model/synth/output_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace synfire::synth {
namespace {

// A step through the vocabulary that visits all of it.
std::uint32_t stride_of(std::uint32_t n_vocab) {
  auto stride = std::max(1U, static_cast<std::uint32_t>(n_vocab * 0.618));
  while (std::gcd(stride, n_vocab) != 1) ++stride;
  return stride;
}

}  // namespace

OutputRows::OutputRows(const BlockPool& pool, CounterRandom random, CounterRandom embedding,
                       std::uint32_t d_model, std::uint32_t n_vocab, double matched)
    : pool_(pool),
      random_(random),
      embedding_(embedding),
      chunks_(d_model / pool.chunk()),
      n_vocab_(n_vocab),
      stride_(stride_of(n_vocab)),
      matched_(static_cast<std::uint32_t>(std::max(1L, std::lround(matched * chunks_)))) {}

std::uint64_t OutputRows::predecessor(std::uint64_t token) const {
  return (token + n_vocab_ - stride_ % n_vocab_) % n_vocab_;
}

void OutputRows::write(std::uint64_t row, std::byte* out) const {
  const std::size_t bytes = pool_.chunk_bytes();
  const CounterRandom own = random_.part(row);
  const CounterRandom before = embedding_.part(predecessor(row));
  for (std::uint32_t c = 0; c < chunks_; ++c, out += bytes) {
    const bool is_matched = c >= chunks_ - matched_;  // the last: the first has the constant
    std::memcpy(out, pool_.at((is_matched ? before : own).bits(c)), bytes);
  }
}

}  // namespace synfire::synth
