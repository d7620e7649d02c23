#pragma once

#include <filesystem>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/hparams.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// PowerInfer's predictors of all layers as a file has them: a PWRI file under the names of
// PowerInfer, a sidecar under those that begin with "mlp.". Views of the file.
struct MlpPredictors {
  struct Layer {
    const GgufTensor* fc1;  // [rank, d_model]
    const GgufTensor* fc2;  // [d_ff, rank]
  };
  std::vector<Layer> layers;
  float threshold = 0;  // a neuron is active above this score

  // An error that names the first tensor that is missing, or has another shape than a model of
  // these layers wants.
  [[nodiscard]] static Result<MlpPredictors> find(const GgufFile& file, const Hparams& hparams);
};

// Writes predictors of another file as the sidecar of a model. The file appears whole or not at
// all.
Status write_mlp_sidecar(const std::filesystem::path& path, const GgufFile& from,
                         const MlpPredictors& predictors);

}  // namespace synfire
