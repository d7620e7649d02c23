#pragma once

#include "core/model/synth/neuron_mix.hpp"
#include "core/model/synth/row_source.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire::synth {

// The hidden units of a layer's predictor, in order: kConstantDims that hold the constant; then
// pairs, of which one is a latent direction's positive part and one its negative part, all latents
// in turn and again, until the rank is used up. `scores = fc2 relu(fc1 x)`, x the residual stream
// before the FFN norm; above 0 a neuron is predicted.
struct HiddenUnits {
  HiddenUnits(std::uint32_t units, std::uint32_t n_latents) : rank(units), latents(n_latents) {}

  [[nodiscard]] std::uint32_t pairs() const { return (rank - kConstantDims) / 2; }
  // Pairs of a latent; they share its weight.
  [[nodiscard]] std::uint32_t copies(std::uint32_t latent) const {
    return (pairs() - latent - 1) / latents + 1;
  }
  [[nodiscard]] std::uint32_t positive(std::uint32_t latent, std::uint32_t copy) const {
    return kConstantDims + 2 * (copy * latents + latent);
  }

  std::uint32_t rank, latents;  // pairs() >= latents
};

// Rows of one of the predictor's two matrices.
class PredictorRows : public RowSource {
 public:
  PredictorRows(const NeuronMix& mix, std::uint32_t rank, DType dtype)
      : mix_(mix), units_(rank, mix.design().latents), dtype_(dtype) {}

 protected:
  const NeuronMix& mix_;
  HiddenUnits units_;
  DType dtype_;
};

// fc1: [rank, d_model].
class HiddenRows final : public PredictorRows {
 public:
  using PredictorRows::PredictorRows;

  void write(std::uint64_t row, std::byte* out) const override;
};

// fc2: [d_ff, rank].
class ScoreRows final : public PredictorRows {
 public:
  using PredictorRows::PredictorRows;

  void write(std::uint64_t row, std::byte* out) const override;
};

}  // namespace synfire::synth
