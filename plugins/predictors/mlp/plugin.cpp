// PowerInfer's predictors (arXiv 2312.12456, section 5.1): per layer two matrices, scores = fc2
// relu(fc1 x), where x is the residual stream before the FFN's norm. As its PWRI files carry them,
// or as `synfire predictor fit --type mlp` trained them into the sidecar, which comes first.
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

// Where a model's predictors are: what their tensors' names begin with, and the key of the
// threshold that they were made for.
struct Source {
  const char* prefix;
  const char* threshold_key;
};
constexpr Source kSidecar{"mlp.", "mlp.threshold"};
constexpr Source kModel{"", "powerinfer.sparse_threshold"};  // PowerInfer's converter writes it

// Option from.
Source read_source(const sdk::PredictorModel& model, sdk::OptionReader& options) {
  const std::string from(options.text("from").value_or("any"));
  if (from != "any" && from != "sidecar" && from != "model")
    throw sdk::Error(sdk::kInvalidArgument, "option from=" + from + ", want any, sidecar or model");
  const bool fitted = model.has(kSidecar.prefix + model.layer_name(0, "fc1.weight"));
  const bool own = model.has(model.layer_name(0, "fc1.weight"));
  return from == "sidecar" || (from == "any" && (fitted || !own)) ? kSidecar : kModel;
}

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
  static constexpr const char* kDescription =
      "PowerInfer's fc1/fc2 predictors, of a PWRI file or the sidecar folder";

  Mlp(const sdk::PredictorModel& model, sdk::OptionReader& options)
      : source_(read_source(model, options)), dtype_(read_dtype(options)) {
    const auto threshold = static_cast<float>(model.number(source_.threshold_key).value_or(0));
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
    const std::string prefix = source_.prefix + model.layer_name(index, "");
    const sf_tensor_desc& fc1 =
        model.matrix(prefix + "fc1.weight", 0, model.d_model(), "synfire predictor fit --type mlp");
    const sf_tensor_desc& fc2 = model.matrix(prefix + "fc2.weight", model.d_ff(), fc1.rows);
    layer.recall = model.number(prefix + "recall").value_or(-1);
    layer.precision = model.number(prefix + "precision").value_or(-1);
    const auto hidden = layer.activate(layer.linear(layer.kTap, in_dtype(fc1)), SF_ACTIVATION_RELU);
    layer.set_scores(layer.linear(hidden, in_dtype(fc2)));
  }

  sf_tensor_desc in_dtype(const sf_tensor_desc& tensor) {
    if (!dtype_ || static_cast<std::uint32_t>(*dtype_) == tensor.dtype) return tensor;
    return made_.emplace_back(sdk::MadeTensor::requantized(tensor, *dtype_)).desc();
  }

  const Source source_;
  const std::optional<DType> dtype_;
  std::deque<sdk::MadeTensor> made_;  // whose elements stay where they are
  std::vector<std::unique_ptr<sdk::PredictorLayer>> layers_;
};

}  // namespace
}  // namespace synfire

SYNFIRE_PREDICTOR_PLUGIN(synfire::Mlp)
