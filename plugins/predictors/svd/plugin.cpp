// A small copy of the gate, from the sidecar folder: scores = b (a x) + signs x + bias. The first
// part has a low rank, the second one bit for each weight of what that leaves; a layer may lack
// either, by what reads least for a wanted loss. `synfire predictor fit` makes it.
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
      auto layer = std::make_unique<sdk::PredictorLayer>(model.d_model());
      layer->tap = SF_TAP_FFN_INPUT;
      layer->gate_rule = model.lossless_gate_rule();
      layer->threshold = static_cast<float>(model.number("svd.threshold").value_or(0));
      layer->recall = model.number(prefix + "recall").value_or(-1);
      layer->precision = model.number(prefix + "precision").value_or(-1);
      layer->set_scores(scores(model, prefix, *layer));
      layers_.push_back(std::move(layer));
    }
  }

  sdk::PredictorLayer& layer(std::uint32_t index) { return *layers_[index]; }

 private:
  static std::uint32_t scores(const sdk::PredictorModel& model, const std::string& prefix,
                              sdk::PredictorLayer& layer) {
    const sf_tensor_desc* const bias = model.optional_vector(prefix + "bias", model.d_ff());
    const sf_tensor_desc* const signs =
        model.optional_signs(prefix + "signs", model.d_ff(), model.d_model());
    const std::string a_name = prefix + "a.weight";
    if (signs != nullptr && !model.has(a_name)) return layer.sign_linear(layer.kTap, *signs, bias);
    const sf_tensor_desc& a =  // [rank, d_model]
        model.matrix(a_name, 0, model.d_model(), "synfire predictor fit --type svd");
    const sf_tensor_desc& b = model.matrix(prefix + "b.weight", model.d_ff(), a.rows);
    const std::uint32_t inner = layer.linear(layer.kTap, a);
    if (signs == nullptr) return layer.linear(inner, b, bias);
    return layer.add(layer.linear(inner, b), layer.sign_linear(layer.kTap, *signs, bias));
  }

  std::vector<std::unique_ptr<sdk::PredictorLayer>> layers_;
};

}  // namespace
}  // namespace synfire

SYNFIRE_PREDICTOR_PLUGIN(synfire::Svd)
