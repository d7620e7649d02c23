#pragma once

#include "core/model/synth/synth_model.hpp"

namespace synfire::synth {

// What fires in a model, as shares; negative: not measured.
struct Activity {
  double active = -1;     // of a layer's neurons, per token
  double overlap = -1;    // of them, those that fire for the next token too
  double predicted = -1;  // of a layer's neurons
  double recall = -1;     // of what fires, what is predicted
  double precision = -1;  // of what is predicted, what fires
};

// By the model's own rows, as they are quantized, on inputs of random tokens: some layers and
// neurons are sampled. What is not simulated is the way from the embedding to the layer.
[[nodiscard]] Activity sample_activity(const SynthModel& model);

}  // namespace synfire::synth
