#pragma once

#include "core/model/synth/neuron_mix.hpp"
#include "core/model/synth/row_source.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire::synth {

// The rows whose dot product with the FFN's input decides whether a neuron fires: of gate, or of up
// where the FFN has no gate. The mix outlives it.
class GateRows final : public RowSource {
 public:
  GateRows(const NeuronMix& mix, CounterRandom random, DType dtype)
      : mix_(mix), random_(random), dtype_(dtype) {}

  void write(std::uint64_t row, std::byte* out) const override;

 private:
  void add_latents(const NeuronMix::Neuron& neuron, float scale, float* values) const;

  const NeuronMix& mix_;
  CounterRandom random_;
  DType dtype_;
};

}  // namespace synfire::synth
