// A low-rank copy of the gate, from the sidecar folder: scores = b (a x) + bias, where the biases
// were calibrated for a wanted recall. `synfire predictor fit` makes it.
#include <memory>
#include <string>
#include <vector>

#include "plugins/sdk/predictor.hpp"

namespace synfire {
namespace {

class Svd {
 public:
  static constexpr const char* kName = "svd";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription =
      "a low-rank copy of the gate, from the sidecar folder";

  Svd(const sdk::PredictorModel& model, sdk::OptionReader&) {
    for (std::uint32_t i = 0; i < model.n_layers(); ++i) {
      const std::string prefix = "svd." + model.layer_name(i, "");
      const sf_tensor_desc& a =  // [rank, d_model]
          model.matrix(prefix + "a.weight", 0, model.d_model(), "synfire predictor fit --type svd");
      const sf_tensor_desc& b = model.matrix(prefix + "b.weight", model.d_ff(), a.rows);
      const sf_tensor_desc* const bias = model.optional_vector(prefix + "bias", model.d_ff());
      auto layer = std::make_unique<sdk::PredictorLayer>(model.d_model());
      layer->tap = SF_TAP_FFN_INPUT;
      layer->gate_rule = model.lossless_gate_rule();
      layer->threshold = static_cast<float>(model.number("svd.threshold").value_or(0));
      layer->recall = model.number(prefix + "recall").value_or(-1);
      layer->precision = model.number(prefix + "precision").value_or(-1);
      layer->set_scores(layer->linear(layer->linear(layer->kTap, a), b, bias));
      layers_.push_back(std::move(layer));
    }
  }

  sdk::PredictorLayer& layer(std::uint32_t index) { return *layers_[index]; }

 private:
  std::vector<std::unique_ptr<sdk::PredictorLayer>> layers_;
};

}  // namespace
}  // namespace synfire

SYNFIRE_PREDICTOR_PLUGIN(synfire::Svd)
