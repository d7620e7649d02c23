#pragma once

#include "backends/cpu/ops/neuron_ffn.hpp"
#include "backends/cpu/ops/pair_lists.hpp"
#include "backends/cpu/ops/row_fetch.hpp"

namespace synfire::cpu {

// Many tokens: only pairs of a neuron and a token that needs it are computed, in two passes over
// the neurons. Gates and ups are shared out by blocks of neurons, so that a row comes from memory
// once for all tokens. Downs are shared out by columns: whoever adds a column adds all neurons'
// parts of it, so members have no partial sums, which with their zeros took a tenth of a step.
class NeuronFfnPairs : public NeuronFfn {
 public:
  using NeuronFfn::NeuronFfn;
  void run();

 private:
  struct Block;
  class Tiles;
  struct DownTask;
  struct DownTasks;
  class DownSums;

  [[nodiscard]] std::uint32_t n_blocks() const;
  [[nodiscard]] Block block(std::uint32_t i) const;

  void find_hidden(const PairLists& lists) const;
  void list_pairs(std::uint32_t i, Tiles& tiles) const;
  void find_gates(Tiles& tiles, RowFetch& fetch, std::size_t member) const;
  void take_given(Tiles& tiles) const;
  void apply_rule_to(Tiles& tiles) const;
  void find_ups(Tiles& tiles, RowFetch& fetch, std::size_t member) const;
  void write_fired(const Tiles& tiles, PairLists::Writer fired) const;
  void dot(NeuronRow which, const Tiles& tiles, RowFetch& fetch, float* out) const;
  void fetch_deciding(std::uint32_t i, RowFetch& fetch) const;
  void fetch_ups(const Tiles& tiles, RowFetch& fetch) const;

  void add_downs(const PairLists& lists) const;
  void add_downs(const PairLists& lists, const DownTask& task, DownSums& sums) const;
  void add_block(const PairLists& lists, std::uint32_t i, const DownTask& task, DownSums& sums,
                 RowFetch& fetch) const;
  void flush(const DownTask& task, std::uint32_t t, DownSums& sums, RowFetch& fetch) const;
  void store(const DownTask& task, const DownSums& sums) const;

  std::uint32_t chunk_ = 0;                // entries of a partial sum
  const std::uint32_t* tokens_ = nullptr;  // that go by together, and how many
  std::uint32_t n_tokens_ = 0;
};

}  // namespace synfire::cpu
