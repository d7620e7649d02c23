#pragma once

#include "backends/cpu/ops/down_rows.hpp"
#include "backends/cpu/ops/neuron_entries.hpp"

namespace synfire::cpu {

// What the two ways of computing neuron_ffn share: the operands, the gate rule, the down rows.
//
// The result of a token is a sum of partial sums, one per chunk of entries, added in chunk order.
// Chunk bounds depend on the entries alone, so threads and timing never change a bit.
class NeuronFfn {
 public:
  NeuronFfn(CpuDevice& device, const sdk::OpCall& call);
  virtual ~NeuronFfn() = default;

 protected:
  [[nodiscard]] std::uint32_t n_chunks() const {
    return (entries_.size() + chunk_neurons_ - 1) / chunk_neurons_;
  }
  [[nodiscard]] bool gates_given() const { return call_.has_input(2); }
  [[nodiscard]] float given_gate(std::uint32_t token, std::uint32_t neuron) const {
    return call_.input(2)[std::size_t{token} * neurons_.desc().d_ff + neuron];
  }
  // For each of n gates, whether up and down are read.
  void apply_rule(const float* gates, std::uint32_t n, bool* passes) const;
  // For sf_counters: neurons whose deciding row was read if it was not given, those that passed the
  // rule for some token, and passes of all tokens.
  void count(std::uint32_t asked, std::uint32_t fired, std::uint64_t active,
             std::size_t member) const {
    const bool gated = neurons_.gated();
    if (!gates_given())
      call_.count_rows(gated ? sdk::NeuronPart::gate : sdk::NeuronPart::up, asked, member);
    if (gated) call_.count_rows(sdk::NeuronPart::up, fired, member);
    call_.count_rows(sdk::NeuronPart::down, fired, member);
    call_.count_active(active, member);
  }
  // h = act(gate) * up, or act(gate) without gate rows.
  void activate(const float* gates, const float* ups, std::uint32_t n, float* hidden) const {
    device_.kernels().activate(params_.activation, gates, neurons_.gated() ? ups : nullptr, n,
                               hidden);
  }

  CpuDevice& device_;
  const sdk::OpCall& call_;
  const sf_neuron_ffn_params& params_;
  const sdk::HostNeurons& neurons_;
  std::uint32_t d_model_;
  NeuronEntries entries_;
  std::uint32_t chunk_neurons_;
  NeuronRows rows_;
  DownRows down_;
};

// One token: each chunk is taken whole by one thread, gate, up and down of a neuron in one pass.
class NeuronFfnDecode : public NeuronFfn {
 public:
  using NeuronFfn::NeuronFfn;
  void run();

 private:
  struct Fired;

  void run_chunk(std::uint32_t chunk, float* partial, std::byte* scratch, std::size_t member) const;
  std::uint32_t list_chunk(std::uint32_t chunk, std::uint32_t* ids) const;
  void find_fired(const std::uint32_t* ids, std::uint32_t n, Fired& fired) const;
  void add_fired(const Fired& fired, float* partial) const;
  void add_partials(const float* partials) const;
};

// Many tokens: first the hidden values of all entries and tokens, then the down rows, a slice of
// columns at a time, each row read once for all tokens.
class NeuronFfnBatch : public NeuronFfn {
 public:
  struct Tile;

  using NeuronFfn::NeuronFfn;
  void run();

 private:
  void run_hidden_tile(std::uint32_t first, std::byte* scratch, std::size_t member);
  void find_gates(Tile& tile) const;
  void run_down_slice(std::uint32_t first_column, std::byte* scratch) const;
  void add_down_rows(std::uint32_t first, std::uint32_t n, std::uint32_t first_column,
                     std::uint32_t columns, float* down, float* partial) const;

  float* hidden_ = nullptr;  // [n_tokens, entries]; 0 where a token does not need a neuron
  bool* used_ = nullptr;     // [entries]: some token needs the down row
};

}  // namespace synfire::cpu
