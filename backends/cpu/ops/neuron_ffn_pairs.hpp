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
  struct Chunk;
  struct Tile;

  void run_tokens();
  void list_pairs(std::uint32_t first, std::uint32_t n, Chunk& chunk) const;
  void find_gates(Chunk& chunk, std::size_t member) const;
  void add_fired(Chunk& chunk, float* partials, std::size_t member) const;
  void dot(NeuronRow which, const Tile& tile, RowFetch& fetch, float* room, float* out) const;
  void fetch_tile(const Chunk& chunk, std::uint32_t tile, NeuronRow which, RowFetch& fetch) const;
  void add_partials(const float* partials) const;

  std::uint32_t each_ = 0;  // entries of a chunk
  std::uint32_t chunks_ = 0;
  const std::uint32_t* tokens_ = nullptr;  // that go by together, and how many
  std::uint32_t n_tokens_ = 0;
};

}  // namespace synfire::cpu
