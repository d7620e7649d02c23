#include "core/model/synth/activity.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "plugins/sdk/block_codec.hpp"

namespace synfire::synth {
namespace {

constexpr std::uint32_t kTokens = 24;
constexpr std::uint32_t kNeurons = 768;  // per layer
using Vector = std::vector<float>;

Vector row_of(const Tensor& tensor, std::uint64_t row) {
  std::vector<std::byte> bytes(tensor.row_bytes());
  tensor.source->write(row, bytes.data());
  Vector values(tensor.shape[0]);
  dequantize_row(tensor.dtype, bytes.data(), values.size(), values.data());
  return values;
}

// Eight sums, so that the compiler may keep them in a register.
float dot(const Vector& a, const Vector& b) {
  float sums[8] = {};
  for (std::size_t i = 0; i + 8 <= a.size(); i += 8)
    for (std::size_t k = 0; k < 8; ++k) sums[k] += a[i + k] * b[i + k];
  float sum = 0;
  for (const float part : sums) sum += part;
  return sum;
}

// Counts of one layer, over sampled tokens and neurons.
struct Counts {
  std::uint64_t all = 0, active = 0, predicted = 0, both = 0;
  std::uint64_t followed = 0, repeated = 0;  // active with a next token, and active for that too
};

class LayerSample {
 public:
  LayerSample(const SynthModel& model, std::uint32_t layer)
      : model_(model), prefix_(fmt::format("blk.{}.", layer)) {
    for (std::uint32_t t = 0; t < kTokens; ++t) inputs_.push_back(input(layer, t));
    if (const Tensor* const fc1 = model.find(prefix_ + "fc1.weight")) add_hidden(*fc1);
  }

  void count(Counts& counts) const {
    const Tensor& gates = *model_.find(prefix_ + std::string(model_.deciding()) + ".weight");
    const Tensor* const scores = model_.find(prefix_ + "fc2.weight");
    const std::uint32_t d_ff = model_.request().shape.d_ff;
    const std::uint32_t step = std::max(1U, d_ff / kNeurons);
    for (std::uint32_t j = 0; j < d_ff; j += step)
      count_neuron(row_of(gates, j), scores != nullptr ? row_of(*scores, j) : Vector{}, counts);
  }

 private:
  // A residual stream as the design has it before that layer's FFN norm, which decides no sign.
  [[nodiscard]] Vector input(std::uint32_t layer, std::uint32_t t) const {
    const std::uint32_t n_vocab = model_.request().shape.n_vocab;
    Vector x = row_of(*model_.find("token_embd.weight"), t * (n_vocab / kTokens) % n_vocab);
    const auto varying = static_cast<float>(model_.design().varying[layer]);
    for (std::size_t i = kConstantDims; i < x.size(); ++i) x[i] *= varying;
    return x;
  }

  void add_hidden(const Tensor& fc1) {
    hidden_.assign(kTokens, Vector(fc1.rows()));
    for (std::uint64_t unit = 0; unit < fc1.rows(); ++unit) {
      const Vector row = row_of(fc1, unit);
      for (std::uint32_t t = 0; t < kTokens; ++t)
        hidden_[t][unit] = std::max(0.0F, dot(row, inputs_[t]));
    }
  }

  void count_neuron(const Vector& gate, const Vector& score, Counts& counts) const {
    bool before = false;
    for (std::uint32_t t = 0; t < kTokens; ++t) {
      const bool fires = dot(gate, inputs_[t]) > 0;
      const bool predicted = !score.empty() && dot(score, hidden_[t]) > 0;
      ++counts.all;
      counts.active += fires;
      counts.predicted += predicted;
      counts.both += fires && predicted;
      counts.followed += before;
      counts.repeated += before && fires;
      before = fires;
    }
  }

  const SynthModel& model_;
  std::string prefix_;
  std::vector<Vector> inputs_, hidden_;  // by token
};

double ratio(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? -1 : static_cast<double>(part) / static_cast<double>(all);
}

}  // namespace

Activity sample_activity(const SynthModel& model) {
  const std::uint32_t layers = model.request().shape.n_layers;
  Counts counts;
  for (const std::uint32_t layer : std::set{0U, layers / 2, layers - 1})
    LayerSample(model, layer).count(counts);
  Activity activity{.active = ratio(counts.active, counts.all),
                    .overlap = ratio(counts.repeated, counts.followed)};
  if (model.request().predictor_rank == 0) return activity;
  activity.predicted = ratio(counts.predicted, counts.all);
  activity.recall = ratio(counts.both, counts.active);
  activity.precision = ratio(counts.both, counts.predicted);
  return activity;
}

}  // namespace synfire::synth
