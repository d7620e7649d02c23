#include "plugins/host/predictor.hpp"

#include "plugins/host/host_table.hpp"
#include "plugins/host/predictor_check.hpp"

namespace synfire::host {

Predictor::Predictor(std::shared_ptr<const LoadedPlugin> plugin, sf_predictor* predictor,
                     const sf_model_desc& model)
    : plugin_(std::move(plugin)),
      predictor_(predictor),
      n_layers_(model.n_layers),
      d_model_(model.d_model),
      d_ff_(model.d_ff) {}

Predictor::Predictor(Predictor&& other) noexcept
    : plugin_(std::move(other.plugin_)),
      predictor_(std::exchange(other.predictor_, nullptr)),
      n_layers_(other.n_layers_),
      d_model_(other.d_model_),
      d_ff_(other.d_ff_) {}

Predictor& Predictor::operator=(Predictor&& other) noexcept {
  std::swap(plugin_, other.plugin_);
  std::swap(predictor_, other.predictor_);
  std::swap(n_layers_, other.n_layers_);
  std::swap(d_model_, other.d_model_);
  std::swap(d_ff_, other.d_ff_);
  return *this;
}

Predictor::~Predictor() {
  if (predictor_ != nullptr) plugin_->predictor().close(predictor_);
}

Result<sf_predictor_layer> Predictor::describe_layer(std::uint32_t layer) {
  if (layer >= n_layers_)
    return error(StatusCode::out_of_range, "{}: layer {}, want less than {}", plugin_->context(),
                 layer, n_layers_);
  sf_predictor_layer described{};
  described.struct_size = sizeof described;
  SYNFIRE_RETURN_IF_ERROR(take_error(
      plugin_->predictor().describe_layer(predictor_, layer, &described), plugin_->context()));
  SYNFIRE_RETURN_IF_ERROR(
      check_predictor_layer(described, d_model_, d_ff_)
          .with_context(fmt::format("{}: layer {}", plugin_->context(), layer)));
  return described;
}

void Predictor::observe(std::uint32_t layer, const sf_active_header& predicted,
                        const sf_active_header& fired) {
  const auto observer = plugin_->predictor().observe;
  if (observer != nullptr) observer(predictor_, layer, &predicted, &fired);
}

Result<Predictor> PredictorPlugin::open(const sf_model_desc& model, const Options& options) const {
  const OptionsView view(options);
  sf_predictor* predictor = nullptr;
  SYNFIRE_RETURN_IF_ERROR(
      take_error(plugin_->predictor().open(&model, view.get(), &predictor), plugin_->context()));
  if (predictor == nullptr)
    return error(StatusCode::internal, "{}: open succeeded but gave nothing", plugin_->context());
  return Predictor(plugin_, predictor, model);
}

}  // namespace synfire::host
