#pragma once

#include "backends/cpu/ops/down_rows.hpp"
#include "backends/cpu/ops/fired_runs.hpp"
#include "backends/cpu/ops/neuron_entries.hpp"

namespace synfire::cpu {

// What the ways of computing neuron_ffn share: the operands, the gate rule, the down rows.
//
// The result of a token is a sum of partial sums, one per chunk of neurons, added in chunk order.
// Chunk bounds depend on the neurons alone, so threads and timing never change a bit.
class NeuronFfn {
 public:
  NeuronFfn(CpuDevice& device, const sdk::OpCall& call);

 protected:
  // Neurons of a partial sum where n are summed up.
  [[nodiscard]] std::uint32_t chunk_neurons(std::uint32_t n) const;
  [[nodiscard]] sdk::NeuronPart deciding_part() const {
    return neurons_.gated() ? sdk::NeuronPart::gate : sdk::NeuronPart::up;
  }
  [[nodiscard]] bool gates_given() const { return call_.has_input(2); }
  [[nodiscard]] float given_gate(std::uint32_t token, std::uint32_t neuron) const {
    return call_.input(2)[std::size_t{token} * neurons_.desc().d_ff + neuron];
  }
  // For each of n gates, whether up and down are read.
  void apply_rule(const std::uint32_t* ids, const float* gates, std::uint32_t n,
                  bool* passes) const;
  // values[i] = |act(gates[i])|, times the neuron's weight: what SF_GATE_ABS_ABOVE looks at.
  void find_magnitudes(const std::uint32_t* ids, const float* gates, std::uint32_t n,
                       float* values) const;
  // For sf_counters: neurons whose deciding row was read if it was not given.
  void count_asked(std::uint32_t n, std::size_t member) const {
    if (!gates_given()) call_.count_rows(deciding_part(), n, member);
  }
  // Neurons that passed the rule for some token, and passes of all tokens.
  void count_fired(std::uint32_t n, std::uint64_t passes, std::size_t member) const {
    if (neurons_.gated()) call_.count_rows(sdk::NeuronPart::up, n, member);
    call_.count_rows(sdk::NeuronPart::down, n, member);
    call_.count_active(passes, member);
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
  NeuronRows rows_;
  DownRows down_;
};

// One token, in two passes over the neurons: all gates, then up and down of what fired into partial
// sums. Each pass goes through memory in rising order: rows that lie apart cost their place in it,
// and going to and fro between gates and pairs half as much again. Members share what they wrote
// only where one does what another one began: such data comes slowly from core to core.
class NeuronFfnDecode : public NeuronFfn {
 public:
  using NeuronFfn::NeuronFfn;
  void run();

 private:
  // Room for a number for each entry.
  struct RuleScratch {
    float* values;        // what the rule compares
    std::uint32_t* kept;  // the places of what passes

    [[nodiscard]] RuleScratch of(std::uint32_t first) const {
      return {values + first, kept + first};
    }
  };
  struct Tile;
  struct Tiles;

  void find_fired(const GuidedRuns& runs, const FiredRuns& fired) const;
  std::uint32_t list_asked(const TileRun& run, const GuidedRuns& runs,
                           const FiredRuns& fired) const;
  std::uint32_t find_gates(const GuidedRuns& runs, MemberRuns& mine, std::uint32_t n_asked,
                           const FiredRuns& fired) const;
  void dot_gates(const std::uint32_t* ids, std::uint32_t n, const std::uint32_t* next,
                 std::uint32_t n_next, float* gates) const;
  std::uint32_t keep_fired(std::uint32_t* ids, float* gates, std::uint32_t n,
                           const RuleScratch& scratch) const;
  void add_pairs(const FiredRuns& fired) const;
  // Pairs that go by together.
  [[nodiscard]] std::uint32_t tile_pairs() const;
  void take(const FiredRuns& fired, std::uint32_t first, std::uint32_t each, Tile& tile) const;
  void fetch_pairs(const Tile& tile) const;
  std::uint32_t add_chunk(const FiredRuns& fired, std::uint32_t each, std::uint32_t chunk,
                          MemberRuns& mine, Tiles& tiles, float* sum) const;
  void add_tile(const Tile& tile, const Tile& next_tile, float* sum) const;
  void settle(const float* total) const;
};

// Many tokens that need all neurons: first the hidden values of all neurons and tokens, then the
// down rows, a slice of columns at a time, each row read once for all tokens.
class NeuronFfnDense : public NeuronFfn {
 public:
  using NeuronFfn::NeuronFfn;
  void run();

 private:
  void run_hidden_tile(std::uint32_t first, const std::uint32_t* tokens, float* scratch,
                       std::size_t member);
  void run_down_slice(std::uint32_t first_column, float* scratch) const;
  void add_down_rows(std::uint32_t first, std::uint32_t n, std::uint32_t first_column,
                     std::uint32_t columns, float* down, float* partial) const;

  float* hidden_ = nullptr;  // [n_tokens, neurons]
};

}  // namespace synfire::cpu
