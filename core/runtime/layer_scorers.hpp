#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.hpp"
#include "core/runtime/layer_gates.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "core/sparsity/ffn_inputs.hpp"

namespace synfire {

// A predictor of one layer but for its biases: scores = b (a x) + signs x, of which one part may be
// absent.
class LayerScorer {
 public:
  // Without a low-rank part.
  LayerScorer() = default;
  LayerScorer(FittedLayer::Tensor a, FittedLayer::Tensor b);
  // `negative` [d_ff, d_model]: 1 where a sign is. `stored`: the sidecar keeps them under that
  // name; empty: they are the gate's own.
  void add_signs(const std::vector<std::uint8_t>& negative, std::size_t d_model,
                 std::string stored);

  // Of inputs [n, d_model] that were rounded as devices do: [n, d_ff]. So is what b multiplies.
  [[nodiscard]] std::vector<float> scores(std::span<const float> x) const;
  [[nodiscard]] std::uint32_t rank() const { return static_cast<std::uint32_t>(rank_); }
  [[nodiscard]] std::uint64_t bytes() const;  // that a token reads
  [[nodiscard]] std::vector<FittedLayer::Tensor> take_tensors() && { return std::move(tensors_); }

 private:
  std::size_t d_model_ = 0, rank_ = 0;
  std::vector<float> a_, b_;   // as they are decoded; empty: no such part
  bool rounds_inner_ = false;  // b is quantized, so it meets int8
  std::vector<float> signs_;   // [d_ff, d_model], 1 or -1; empty: none
  std::uint64_t sign_bytes_ = 0;
  std::vector<FittedLayer::Tensor> tensors_;
};

// Makes the scorers that may pay for a layer, each once. `take` says whether what it took is worth
// going on from to wider ones of its kind.
Status for_each_scorer(const LayerGates& gates, const FfnInputs& inputs, std::uint32_t layer,
                       const PredictorFitOptions& options,
                       const std::function<bool(LayerScorer)>& take);

}  // namespace synfire
