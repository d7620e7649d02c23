#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/mlp_predictors.hpp"

namespace synfire {

// Writes a model and its predictors as PowerInfer's loader reads them (SJTU-IPADS/PowerInfer,
// llm_load_sparse_model_tensors): magic PWRI, down neuron-major in `ffn_down_t` (quantized along
// the neurons it becomes F16, else its dtype stays), an `output.weight` also where the embedding
// serves as one, predictors in `fc1` and `fc2`, their threshold in `powerinfer.sparse_threshold`.
// Predictors that the model has of its own are left out. The file appears whole or not at all. An
// error for an architecture, activation or dtype that PowerInfer does not know.
Status export_powerinfer(
    const GgufFile& model, const Program& program, const MlpPredictors& predictors,
    const std::filesystem::path& path,
    const std::function<void(std::uint64_t done, std::uint64_t all)>& progress);

}  // namespace synfire
