#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/runtime/stage_plan.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire {

// One layer's prediction as ops. Value 0 is the tap; weights are indices into `weights`. Without
// scores nothing is guessed: all gates are computed, and the gate rule decides.
struct PredictorLayer {
  std::uint32_t tap = SF_TAP_FFN_INPUT;
  std::uint32_t gate_rule = SF_GATE_NONE;
  float gate_threshold = 0;
  std::span<const float> gate_weights;  // [d_ff], the plugin's; empty: all 1
  float score_threshold = 0;
  std::vector<sf_value_desc> values;
  std::vector<ProgramOp> ops;
  std::vector<WeightUpload> weights;
  std::uint32_t scores = 0;  // value of width d_ff, or kNone
  // What the plugin says of itself; negative: unknown.
  double recall = -1, precision = -1;
  std::uint64_t bytes_per_token = 0;  // that the prediction reads

  [[nodiscard]] bool guesses() const { return scores != kNone; }
  // Whether the gate rule drops neurons that would add something.
  [[nodiscard]] bool drops() const { return gate_rule == SF_GATE_ABS_ABOVE && gate_threshold > 0; }
};

// How the active neurons are found.
enum class Prediction : std::uint8_t {
  none,    // all neurons are computed
  exact,   // all gates first, then only what fired; lossless
  plugin,  // by the layers below
};

struct PredictorProgram {
  Prediction kind = Prediction::none;
  std::string name = "none";           // as users say it, options included
  std::vector<PredictorLayer> layers;  // for Prediction::plugin, by layer
  // Layers whose neurons are all computed whatever `kind`, since that is faster; empty: none.
  std::vector<bool> dense_layers = {};

  [[nodiscard]] bool computes_all(std::uint32_t layer) const {
    return kind == Prediction::none || (!dense_layers.empty() && dense_layers[layer]);
  }
  // Of a layer that is not computed whole: whether nothing but the gates says what fires.
  [[nodiscard]] bool computes_gates(std::uint32_t layer) const {
    return kind == Prediction::exact || (kind == Prediction::plugin && !layers[layer].guesses());
  }
};

}  // namespace synfire
