#include "core/engine/collect_ffn_inputs.hpp"

#include "core/sparsity/matrix_math.hpp"

namespace synfire {
namespace {

constexpr std::size_t kHoldOutEvery = 4;

bool is_held_out(std::size_t window) { return window % kHoldOutEvery == kHoldOutEvery - 1; }

class Collector final : public TapSink {
 public:
  Collector(std::uint32_t n_layers, std::uint32_t d_model, bool with_moments,
            const FfnRowLimits& limits)
      : d_model_(d_model), layers_(n_layers, FfnInputs(d_model, with_moments, limits)) {}

  void hold_out(bool held_out) { held_out_ = held_out; }
  void on_rows(std::uint32_t layer, std::span<const float> rows) override {
    FfnInputs& inputs = layers_[layer];
    if (held_out_) return inputs.held_out.add(rows);
    if (!inputs.moments.empty()) {
      add_outer_products(rows, d_model_, inputs.moments);
      inputs.sums.resize(d_model_);
      inputs.add_to_sums(rows);
    }
    inputs.n_rows += rows.size() / d_model_;
    inputs.calibration.add(rows);
  }
  [[nodiscard]] std::vector<FfnInputs> take() { return std::move(layers_); }

 private:
  std::size_t d_model_;
  bool held_out_ = false;
  std::vector<FfnInputs> layers_;
};

}  // namespace

Result<std::vector<FfnInputs>> collect_ffn_inputs(
    Engine& engine, std::span<const std::vector<std::int32_t>> windows, bool with_moments,
    const std::function<void(std::size_t)>& progress, const FfnRowLimits& limits) {
  if (windows.size() < kHoldOutEvery)
    return invalid_argument("{} windows of tokens, want at least {}", windows.size(),
                            kHoldOutEvery);
  const ModelInfo model = engine.model();
  Collector collector(model.n_layers, model.d_model, with_moments, limits);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    collector.hold_out(is_held_out(i));
    SYNFIRE_RETURN_IF_ERROR(engine.observe(windows[i], collector));
    progress(i + 1);
  }
  return collector.take();
}

std::vector<std::vector<std::int32_t>> held_out(
    std::span<const std::vector<std::int32_t>> windows) {
  std::vector<std::vector<std::int32_t>> unseen;
  for (std::size_t i = 0; i < windows.size(); ++i)
    if (is_held_out(i)) unseen.push_back(windows[i]);
  return unseen;
}

}  // namespace synfire
