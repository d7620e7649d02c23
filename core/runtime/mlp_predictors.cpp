#include "core/runtime/mlp_predictors.hpp"

#include <array>
#include <string>

#include "core/model/gguf_writer.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "core/runtime/predictor_sidecar.hpp"

namespace synfire {
namespace {

constexpr const char* kSidecarPrefix = "mlp.";
constexpr const char* kThresholdKey = "mlp.threshold";
constexpr const char* kPowerInferThresholdKey = "powerinfer.sparse_threshold";

std::string layer_prefix(std::uint32_t layer) { return fmt::format("blk.{}.", layer); }

// A matrix of a weight's dtype; 0 rows mean any number.
Result<const GgufTensor*> find_matrix(const GgufFile& file, const std::string& name,
                                      std::uint64_t rows, std::uint64_t cols) {
  SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor, file.require_tensor(name));
  const std::array<std::uint64_t, 2> want{cols, rows == 0 ? tensor->rows() : rows};
  SYNFIRE_RETURN_IF_ERROR(tensor->check_shape(want).with_context(file.path()));
  if (!dtype_info(tensor->dtype).is_weight)
    return invalid_argument("{}: tensor {}: dtype {}, want that of a weight", file.path(), name,
                            dtype_info(tensor->dtype).name);
  return tensor;
}

FittedLayer::Tensor copy_of(const GgufTensor& tensor, std::string name) {
  return {std::move(name),
          tensor.dtype,
          tensor.rows(),
          tensor.dims[0],
          {tensor.data.begin(), tensor.data.end()}};
}

}  // namespace

Result<MlpPredictors> MlpPredictors::find(const GgufFile& file, const Hparams& h) {
  const bool fitted = file.tensor(kSidecarPrefix + layer_prefix(0) + "fc1.weight") != nullptr;
  const std::string prefix = fitted ? kSidecarPrefix : "";
  MlpPredictors found;
  SYNFIRE_ASSIGN_OR_RETURN(found.threshold,
                           file.get_or<float>(fitted ? kThresholdKey : kPowerInferThresholdKey, 0));
  for (std::uint32_t i = 0; i < h.n_layers; ++i) {
    const std::string name = prefix + layer_prefix(i);
    Layer layer{};
    SYNFIRE_ASSIGN_OR_RETURN(layer.fc1, find_matrix(file, name + "fc1.weight", 0, h.d_model));
    SYNFIRE_ASSIGN_OR_RETURN(layer.fc2,
                             find_matrix(file, name + "fc2.weight", h.d_ff, layer.fc1->rows()));
    found.layers.push_back(layer);
  }
  if (file.tensor(prefix + layer_prefix(h.n_layers) + "fc1.weight") != nullptr)
    return invalid_argument("{}: predictors of more than {} layers, want those of a model of {}",
                            file.path(), h.n_layers, h.n_layers);
  return found;
}

Status write_mlp_sidecar(const std::filesystem::path& path, const GgufFile& from,
                         const MlpPredictors& predictors) {
  GgufHeader header = sidecar_header("mlp");
  header.set(kThresholdKey, predictors.threshold);
  std::vector<FittedLayer> layers;
  for (std::uint32_t i = 0; i < predictors.layers.size(); ++i) {
    const MlpPredictors::Layer& layer = predictors.layers[i];
    const std::string prefix = kSidecarPrefix + layer_prefix(i);
    for (const char* const what : {"recall", "precision", "predicted", "fired"})
      if (const GgufValue* const value = from.find(prefix + what))
        header.set(prefix + what, *value);
    layers.emplace_back();
    layers.back().tensors.push_back(copy_of(*layer.fc1, prefix + "fc1.weight"));
    layers.back().tensors.push_back(copy_of(*layer.fc2, prefix + "fc2.weight"));
  }
  return write_sidecar(path, std::move(header), layers);
}

}  // namespace synfire
