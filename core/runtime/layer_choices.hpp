#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "core/sparsity/cheapest_cut.hpp"
#include "core/sparsity/ffn_inputs.hpp"
#include "core/sparsity/score_lines.hpp"

namespace synfire {

// Prices of an error, in bytes: so many times the layer's gates for an error of all that its FFN
// puts out. A table of what happens at each.
inline constexpr std::size_t kPrices = 41;
[[nodiscard]] double price_at(std::size_t index);  // rising, twice as much every second

// What a squared output missed costs in perplexity: about, of models that were looked at.
inline constexpr double kLossOfError = 0.5;

// What a predictor of a layer does at one price, each neuron cut where that is cheapest: per token,
// on held-out inputs.
struct PricedUse {
  double asked = 0, fired = 0, both = 0;  // neurons: predicted, firing, both
  double error = 0;  // squared outputs of neurons that were missed, over those of all
};

// Predictors of one layer to choose from, and what each would cost.
struct LayerChoices {
  struct Choice {
    FittedLayer layer;             // without the biases
    double predictor_bytes = 0;    // that a token reads, biases included
    std::vector<ScoreLine> lines;  // by neuron
    CheapestCut cheapest;          // of their margins
    std::vector<PricedUse> uses;   // by price
    // Gives the layer's tensors a bias for each neuron's score.
    std::function<void(std::vector<float> biases, FittedLayer& layer)> add_biases;

    [[nodiscard]] double bytes(std::size_t price, const LayerChoices& of) const;
  };
  std::vector<Choice> choices;
  double asked_bytes = 0, active_bytes = 0;  // of a neuron: its gate; up and down
  double power = 0;                          // mean square of the layer's output, by its neurons
  // By neuron: squared output for a squared gate of one; where scores tell no gates, for a firing.
  std::vector<double> worth;
};

// Predictors of a layer of all shapes that may pay. Names begin with "<type>.blk.<layer>.".
[[nodiscard]] Result<LayerChoices> fit_layer_choices(const Program& program, const GgufFile& file,
                                                     std::uint32_t layer, const FfnInputs& inputs,
                                                     const PredictorFitOptions& options);

// One predictor for each layer, and its biases: those that read least of all whose errors sum up to
// at most `error`. One price holds for the whole model, so that no byte would save more error
// elsewhere. A layer's error counts as a share of the residual stream that it is added to, taken as
// what this and the layers before put out.
[[nodiscard]] std::vector<FittedLayer> choose_layers(const std::vector<LayerChoices>& layers,
                                                     double error);

}  // namespace synfire
