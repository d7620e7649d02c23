#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/sparsity/ffn_inputs.hpp"

namespace synfire {

// Which neurons a model can leave out that was not trained to: those whose |act(gate)| is small
// (CATS, arXiv 2404.08763; TEAL, arXiv 2408.14690). Here, times the neuron's weight: what a unit of
// its activation adds to the output.
struct ThresholdFitOptions {
  double skip = 0.4;  // of the neurons, over all tokens, the share to leave out
};

// Of a layer: a neuron is computed where |act(gate)| times its weight is over the threshold.
struct FittedThreshold {
  float threshold = 0;
  double skipped = 0;          // share of the layer's neurons on held-out inputs
  double error = 0;            // of squares: what left-out neurons add there, as a share of all add
  std::vector<float> weights;  // [d_ff]
};

[[nodiscard]] Status check_threshold_fit(const ThresholdFitOptions& options);

// Thresholds by layer, each of which leaves out the wanted share. (Shares such that the next neuron
// left out costs every layer the same share of its FFN's output cost SmolLM2 half as much again.)
[[nodiscard]] Result<std::vector<FittedThreshold>> fit_thresholds(
    const Program& program, const GgufFile& file, const std::vector<FfnInputs>& inputs,
    const ThresholdFitOptions& options, const std::function<void(std::size_t)>& progress);

// Writes them where the predictor plugin will find them; makes the folder. The file appears whole
// or not at all.
Status write_thresholds(const std::filesystem::path& path,
                        const std::vector<FittedThreshold>& layers,
                        const ThresholdFitOptions& options);

}  // namespace synfire
