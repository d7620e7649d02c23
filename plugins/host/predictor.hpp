#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "plugins/host/loaded_plugin.hpp"
#include "plugins/host/options.hpp"

namespace synfire::host {

// A predictor plugin, opened for one model. Move-only; calls come one at a time, from any thread.
class Predictor {
 public:
  Predictor(std::shared_ptr<const LoadedPlugin> plugin, sf_predictor* predictor,
            const sf_model_desc& model);
  Predictor(Predictor&& other) noexcept;
  Predictor& operator=(Predictor&& other) noexcept;
  ~Predictor();

  [[nodiscard]] const std::string& name() const { return plugin_->name(); }
  [[nodiscard]] std::uint32_t d_ff() const { return d_ff_; }  // of the model

  // The layer's prediction, checked: known ops with the operands of the op table, every index in
  // range, values written once and before they are read. What it points to lives as long as the
  // predictor.
  Result<sf_predictor_layer> describe_layer(std::uint32_t layer);

  // Does nothing for a predictor that does not want to know.
  void observe(std::uint32_t layer, const sf_active_header& predicted,
               const sf_active_header& fired);

 private:
  std::shared_ptr<const LoadedPlugin> plugin_;
  sf_predictor* predictor_;
  std::uint32_t n_layers_, d_model_, d_ff_;
};

// A predictor plugin that no model was given to yet. A cheap copyable reference; any thread.
class PredictorPlugin {
 public:
  explicit PredictorPlugin(std::shared_ptr<const LoadedPlugin> plugin)
      : plugin_(std::move(plugin)) {}

  [[nodiscard]] const std::string& name() const { return plugin_->name(); }
  // What `model` points to, its context included, must outlive the predictor.
  [[nodiscard]] Result<Predictor> open(const sf_model_desc& model, const Options& options) const;

 private:
  std::shared_ptr<const LoadedPlugin> plugin_;
};

}  // namespace synfire::host
