#pragma once

#include "backends/cpu/ops/neuron_ffn.hpp"
#include "backends/cpu/ops/row_fetch.hpp"

namespace synfire::cpu {

// Many tokens: only pairs of a neuron and a token that needs it are computed. A chunk of entries is
// taken whole by one thread, so that a row comes from memory once for each group of tokens.
class NeuronFfnPairs : public NeuronFfn {
 public:
  using NeuronFfn::NeuronFfn;
  void run();

 private:
  struct Block;
  struct Chunk;
  struct Tile;

  void run_tokens();
  [[nodiscard]] std::uint32_t entries_of(std::size_t chunk) const;
  void list_pairs(std::size_t i, Chunk& chunk) const;
  void find_gates(Chunk& chunk, RowFetch& fetch, std::size_t member) const;
  void take_given(Chunk& chunk, Block block) const;
  void apply_rule_to(Chunk& chunk, Block block) const;
  template <typename Ahead>
  void add_fired(Chunk& chunk, float* partials, RowFetch& fetch, std::size_t member,
                 const Ahead& ahead) const;
  void add_token(Chunk& chunk, Block block, std::uint32_t t, float* partials,
                 RowFetch& fetch) const;
  void add_pending(Chunk& chunk, std::uint32_t t, float* partials, RowFetch& fetch) const;
  void dot(NeuronRow which, const Chunk& chunk, Block block, RowFetch& fetch, float* out) const;
  void fetch_neuron(bool fired, std::uint32_t neuron, RowFetch& fetch) const;
  void fetch_block(const Chunk& chunk, Block block, bool fired, RowFetch& fetch) const;
  void fetch_first(std::size_t chunk, RowFetch& fetch) const;
  void add_partials(const float* partials) const;

  std::uint32_t each_ = 0;  // entries of a chunk
  std::uint32_t chunks_ = 0;
  const std::uint32_t* tokens_ = nullptr;  // that go by together, and how many
  std::uint32_t n_tokens_ = 0;
};

}  // namespace synfire::cpu
