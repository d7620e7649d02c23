// PowerInfer's predictors (arXiv 2312.12456, section 5.1), as its PWRI files carry them: per layer
// two matrices, scores = fc2 relu(fc1 x), where x is the residual stream before the FFN's norm.
#include <cctype>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sdk/made_tensor.hpp"
#include "plugins/sdk/predictor.hpp"

namespace synfire {
namespace {

// The key of PowerInfer's converter for the threshold that its predictors were made for.
constexpr const char* kThresholdKey = "powerinfer.sparse_threshold";

// Option dtype: nothing where the file's is kept.
std::optional<DType> read_dtype(sdk::OptionReader& options) {
  const auto text = options.text("dtype");
  if (!text || *text == "file") return std::nullopt;
  std::string name(*text);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const DTypeInfo* const dtype = find_dtype(name);
  if (dtype == nullptr || !dtype->is_weight)
    throw sdk::Error(sdk::kInvalidArgument, "option dtype=" + std::string(*text) +
                                                ", want file, or a weight dtype like f16 or q8_0");
  return dtype->dtype;
}

class Mlp {
 public:
  static constexpr const char* kName = "mlp";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription = "PowerInfer's fc1/fc2 predictors of a PWRI file";

  Mlp(const sdk::PredictorModel& model, sdk::OptionReader& options) : dtype_(read_dtype(options)) {
    const auto threshold = static_cast<float>(model.number(kThresholdKey).value_or(0));
    for (std::uint32_t i = 0; i < model.n_layers(); ++i) {
      auto layer = std::make_unique<sdk::PredictorLayer>(model.d_model());
      layer->tap = SF_TAP_FFN_RESIDUAL;
      layer->gate_rule = model.lossless_gate_rule();
      layer->threshold = threshold;
      build(model, i, *layer);
      layers_.push_back(std::move(layer));
    }
  }

  sdk::PredictorLayer& layer(std::uint32_t index) { return *layers_[index]; }

 private:
  void build(const sdk::PredictorModel& model, std::uint32_t index, sdk::PredictorLayer& layer) {
    const sf_tensor_desc& fc1 =  // [rank, d_model]
        model.matrix(model.layer_name(index, "fc1.weight"), 0, model.d_model());
    const sf_tensor_desc& fc2 =
        model.matrix(model.layer_name(index, "fc2.weight"), model.d_ff(), fc1.rows);
    const auto hidden = layer.activate(layer.linear(layer.kTap, in_dtype(fc1)), SF_ACTIVATION_RELU);
    layer.set_scores(layer.linear(hidden, in_dtype(fc2)));
  }

  sf_tensor_desc in_dtype(const sf_tensor_desc& tensor) {
    if (!dtype_ || static_cast<std::uint32_t>(*dtype_) == tensor.dtype) return tensor;
    return made_.emplace_back(sdk::MadeTensor::requantized(tensor, *dtype_)).desc();
  }

  std::optional<DType> dtype_;
  std::deque<sdk::MadeTensor> made_;  // whose elements stay where they are
  std::vector<std::unique_ptr<sdk::PredictorLayer>> layers_;
};

}  // namespace
}  // namespace synfire

SYNFIRE_PREDICTOR_PLUGIN(synfire::Mlp)
