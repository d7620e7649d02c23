// Sparsity for models that were not trained for it (CATS, arXiv 2404.08763; TEAL, arXiv
// 2408.14690): nothing is guessed, all gates are computed, and a neuron whose |act(gate)|, times
// its weight, is not over its layer's threshold is left out. Lossy. The thresholds lie in the
// sidecar folder; `synfire predictor fit --type threshold` makes them.
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "plugins/sdk/predictor.hpp"

namespace synfire {
namespace {

std::string text_of(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

float threshold_of(const sdk::PredictorModel& model, std::uint32_t layer) {
  const std::string key = "threshold." + sdk::PredictorModel::layer_name(layer, "threshold");
  const std::optional<double> value = model.number(key);
  if (!value)
    throw sdk::Error(sdk::kNotFound, "number " + key +
                                         ": missing; `synfire predictor fit --type threshold` "
                                         "makes it");
  if (!(*value >= 0))
    throw sdk::Error(sdk::kInvalidArgument,
                     "number " + key + ": " + text_of(*value) + ", want at least 0");
  return static_cast<float>(*value);
}

const float* weights_of(const sdk::PredictorModel& model, std::uint32_t layer) {
  const std::string name = "threshold." + sdk::PredictorModel::layer_name(layer, "weight");
  const sf_tensor_desc* const weights = model.optional_vector(name, model.d_ff());
  if (weights == nullptr) return nullptr;
  if (weights->dtype != static_cast<std::uint32_t>(DType::f32))
    throw sdk::Error(sdk::kInvalidArgument, "tensor " + name + ": dtype " +
                                                std::string(find_dtype(weights->dtype)->name) +
                                                ", want F32");
  return static_cast<const float*>(weights->data);
}

class Threshold {
 public:
  static constexpr const char* kName = "threshold";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription =
      "leaves out neurons whose activation is small; lossy, for models without a ReLU";

  Threshold(const sdk::PredictorModel& model, sdk::OptionReader&) {
    for (std::uint32_t i = 0; i < model.n_layers(); ++i) {
      auto layer = std::make_unique<sdk::PredictorLayer>(model.d_model());
      layer->gate_rule = SF_GATE_ABS_ABOVE;
      layer->gate_threshold = threshold_of(model, i);
      layer->gate_weights = weights_of(model, i);
      layers_.push_back(std::move(layer));
    }
  }

  sdk::PredictorLayer& layer(std::uint32_t index) { return *layers_[index]; }

 private:
  std::vector<std::unique_ptr<sdk::PredictorLayer>> layers_;
};

}  // namespace
}  // namespace synfire

SYNFIRE_PREDICTOR_PLUGIN(synfire::Threshold)
