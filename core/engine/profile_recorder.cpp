#include "core/engine/profile_recorder.hpp"

#include <cmath>
#include <utility>

#include "core/runtime/profile_writer.hpp"
#include "core/sparsity/parallel_parts.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire {
namespace {

constexpr std::uint64_t kHoldOutEvery = 4;

}  // namespace

// A window's steps, layer by layer; with the last one the window ends.
class ProfileRecorder::Sink final : public TapSink {
 public:
  Sink(std::vector<LayerRecorder>& layers, std::size_t n_tokens)
      : layers_(layers), n_left_(n_tokens) {}
  void on_step(std::span<const LayerTap> taps) override {
    n_left_ -= taps.front().rows.size() / layers_.front().profile().inputs.calibration.cols();
    parallel_parts(layers_.size(), [&](std::size_t i) {
      layers_[i].add(taps[i].rows, taps[i].gates);
      if (n_left_ == 0) layers_[i].end_window();
    });
  }

 private:
  std::vector<LayerRecorder>& layers_;
  std::size_t n_left_;  // tokens of the window
};

ProfileRecorder::ProfileRecorder(ProfileInfo info) : info_(std::move(info)) {
  for (std::uint32_t i = 0; i < info_.n_layers; ++i)
    layers_.emplace_back(LayerProfile(info_.d_model, info_.d_ff));
}

Result<ProfileRecorder> ProfileRecorder::resume(const ProfileFile& file) {
  ProfileInfo info = file.info();
  info.n_layers = 0;  // none are made in vain
  ProfileRecorder recorder(std::move(info));
  recorder.info_.n_layers = file.info().n_layers;
  for (std::uint32_t i = 0; i < recorder.info_.n_layers; ++i) {
    SYNFIRE_ASSIGN_OR_RETURN(LayerProfile layer, file.layer(i));
    recorder.layers_.emplace_back(std::move(layer));
  }
  return recorder;
}

std::uint64_t ProfileRecorder::bytes(const ProfileInfo& info) {
  constexpr std::uint64_t kOfNeuron = (TraceSample::kMaxRuns + 2) * sizeof(std::uint64_t);
  return info.n_layers * (FfnInputs::bytes(info.d_model, true) + info.d_ff * kOfNeuron);
}

void ProfileRecorder::configure(EngineConfig& config, bool has_activity) {
  config.tap = SF_TAP_FFN_INPUT;
  config.tap_gates = has_activity;
  config.predictor = "none";  // the model's own inputs, and the fastest prefill
}

Status ProfileRecorder::record(Engine& engine, std::span<const std::int32_t> window) {
  const bool held_out = info_.windows % kHoldOutEvery == kHoldOutEvery - 1;
  for (LayerRecorder& layer : layers_) layer.begin_window(held_out);
  Sink sink(layers_, window.size());
  SYNFIRE_RETURN_IF_ERROR(engine.observe(window, sink));
  ++info_.windows;
  info_.tokens += window.size();
  return {};
}

// Of all inputs but the held-out ones: what is no number stays none in the sums.
Status ProfileRecorder::check_finite() const {
  const std::size_t n = info_.d_model;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::vector<float>& moments = layers_[i].profile().inputs.moments;
    for (std::size_t d = 0; d < n; ++d)
      if (!std::isfinite(moments[d * n + d]))
        return error(StatusCode::failed_precondition,
                     "layer {}: the sum of squares of its FFN's input {} is {}, want a finite "
                     "number: the model's weights or the layers before are broken",
                     i, d, moments[d * n + d]);
  }
  return {};
}

Status ProfileRecorder::write(const std::filesystem::path& path) const {
  SYNFIRE_RETURN_IF_ERROR(check_finite());
  std::vector<const LayerProfile*> layers;
  for (const LayerRecorder& layer : layers_) layers.push_back(&layer.profile());
  return write_profile(path, info_, layers);
}

}  // namespace synfire
