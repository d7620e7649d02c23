#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/gguf_writer.hpp"
#include "core/sparsity/ffn_inputs.hpp"
#include "core/sparsity/score_calibration.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire {

struct PredictorFitOptions {
  std::string type = "svd";  // or "mlp", "signbit"
  // Of svd and mlp; nothing: of each layer the one that reads least, at most kMaxChosenRank.
  std::optional<std::uint32_t> rank;
  double recall = 0.95;  // of all firings, the share to predict
  // Of perplexity, the share that may be lost: instead of a recall, see choose_layers().
  std::optional<double> max_loss;
  bool whiten = true;  // svd: by the inputs' moments, not as if all directions were alike
  bool signs = true;   // svd: also a sign for each weight, where that reads less

  std::uint32_t model = 0;  // model_fingerprint(), for engines to check; 0: they do not

  // mlp: of its matrices, where their rows are whole blocks; nothing: what reads least.
  std::optional<DType> dtype;

  // SF_TAP_*: what the fit is to see of each layer.
  [[nodiscard]] std::uint32_t tap() const {
    return type == "mlp" ? SF_TAP_FFN_RESIDUAL : SF_TAP_FFN_INPUT;
  }
  // Whether the fit looks at FfnInputs::moments.
  [[nodiscard]] bool wants_moments() const { return type == "svd" && whiten; }
};

// The widest rank that is tried where nobody names one.
inline constexpr std::uint32_t kMaxChosenRank = 256;

// One layer of a predictor: tensors as its sidecar holds them, and what they are worth.
struct FittedLayer {
  struct Tensor {
    std::string name;
    DType dtype;
    std::uint64_t rows, cols;  // rows 1: a vector
    std::vector<std::byte> data;
  };
  std::vector<Tensor> tensors;
  std::uint32_t rank = 0;     // of svd; 0: no low-rank part
  PredictionQuality quality;  // on held-out inputs
};

// Whether predictors can be fitted to a program: its neurons must be zero when they do not fire.
[[nodiscard]] Status check_predictor_fit(const Program& program,
                                         const PredictorFitOptions& options);

// A layer's predictor of that recall, fitted to `inputs` and to the gate rows in the file: of all
// shapes the one that reads least. Names begin with "<type>.blk.<layer>.".
[[nodiscard]] Result<FittedLayer> fit_predictor_layer(const Program& program, const GgufFile& file,
                                                      std::uint32_t layer, const FfnInputs& inputs,
                                                      const PredictorFitOptions& options);

// The fitted layers as a sidecar that is not yet where the predictor plugin will look for it:
// finish() puts it there.
[[nodiscard]] Result<GgufWriter> staged_predictor(const std::filesystem::path& path,
                                                  const std::vector<FittedLayer>& layers,
                                                  const PredictorFitOptions& options);

// Writes the fitted layers where the predictor plugin will find them; makes the folder. The file
// appears whole or not at all.
Status write_predictor(const std::filesystem::path& path, const std::vector<FittedLayer>& layers,
                       const PredictorFitOptions& options);

}  // namespace synfire
