#pragma once

#include "core/model/synth/block_pool.hpp"
#include "core/model/synth/counter_random.hpp"
#include "core/model/synth/row_source.hpp"

namespace synfire::synth {

// The output matrix: part of token v's row is the embedding of another token, its predecessor, the
// rest random. So a greedy text walks through the whole vocabulary and never turns in a small
// circle, where the same few neurons would fire again and again.
class OutputRows final : public RowSource {
 public:
  // `embedding`: the generator of the embedding's rows. `matched`: share of a row.
  OutputRows(const BlockPool& pool, CounterRandom random, CounterRandom embedding,
             std::uint32_t d_model, std::uint32_t n_vocab, double matched);

  void write(std::uint64_t row, std::byte* out) const override;
  [[nodiscard]] std::uint64_t predecessor(std::uint64_t token) const;

 private:
  const BlockPool& pool_;
  CounterRandom random_, embedding_;
  std::uint32_t chunks_, n_vocab_, stride_, matched_;
};

}  // namespace synfire::synth
