#include "core/runtime/threshold_fit.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <span>
#include <utility>

#include "core/runtime/fitted_tensor.hpp"
#include "core/runtime/predictor_sidecar.hpp"
#include "core/sparsity/matrix_math.hpp"
#include "core/sparsity/parallel_parts.hpp"
#include "plugins/sdk/activation.hpp"
#include "plugins/sdk/block_codec.hpp"

namespace synfire {
namespace {

constexpr std::size_t kSteps = 256;  // of a layer's share
constexpr std::size_t kRows =
    1024;  // of each sample: a million products a layer even of small ones
constexpr std::uint64_t kPart = 256;  // neurons in floats at once; whole quantization blocks

// A weight of a program, decoded in parts.
class WeightRows {
 public:
  static Result<WeightRows> find(const Program& program, const GgufFile& file, WeightId id) {
    const ProgramWeight& weight = program.weights[id];
    SYNFIRE_ASSIGN_OR_RETURN(const GgufTensor* const tensor, file.require_tensor(weight.name));
    return WeightRows(weight, *tensor);
  }
  [[nodiscard]] std::uint64_t cols() const { return weight_.cols; }

  // Elements [first, first + n) of rows [row, row + n_rows); `first` begins a block.
  [[nodiscard]] std::vector<float> block(std::uint64_t row, std::uint64_t n_rows,
                                         std::uint64_t first, std::uint64_t n) const {
    std::vector<float> values(n_rows * n);
    for (std::uint64_t r = 0; r < n_rows; ++r)
      dequantize_row(dtype_, row_at(row + r) + row_bytes(dtype_, first), n, values.data() + r * n);
    return values;
  }
  [[nodiscard]] std::vector<float> rows(std::uint64_t row, std::uint64_t n_rows) const {
    return block(row, n_rows, 0, cols());
  }

 private:
  WeightRows(const ProgramWeight& weight, const GgufTensor& tensor)
      : weight_(weight), dtype_(tensor.dtype), data_(tensor.data.data()) {
    if (weight.rows == 1)
      data_ += row_bytes(dtype_, weight.first);
    else
      data_ += weight.first * row_bytes(dtype_, cols());
  }
  [[nodiscard]] const std::byte* row_at(std::uint64_t row) const {
    return data_ + row * row_bytes(dtype_, cols());
  }

  const ProgramWeight& weight_;
  DType dtype_;
  const std::byte* data_;
};

// What a layer's neurons do with its inputs, some neurons at a time.
class LayerNeurons {
 public:
  static Result<LayerNeurons> make(const Program& program, const GgufFile& file,
                                   std::uint32_t layer) {
    LayerNeurons made(program, program.layers[layer].ffn);
    const ProgramFfn& ffn = made.ffn_;
    SYNFIRE_ASSIGN_OR_RETURN(
        WeightRows deciding,
        WeightRows::find(program, file, ffn.gate == kNone ? ffn.up : ffn.gate));
    SYNFIRE_ASSIGN_OR_RETURN(WeightRows up, WeightRows::find(program, file, ffn.up));
    SYNFIRE_ASSIGN_OR_RETURN(WeightRows down, WeightRows::find(program, file, ffn.down));
    made.deciding_.push_back(std::move(deciding));
    made.up_.push_back(std::move(up));
    if (ffn.bias != kNone) {
      SYNFIRE_ASSIGN_OR_RETURN(const WeightRows bias, WeightRows::find(program, file, ffn.bias));
      made.bias_ = bias.rows(0, 1);
    }
    made.measure_down(down);
    return made;
  }
  [[nodiscard]] std::uint32_t size() const { return d_ff_; }

  // body(first neuron, their number, act, factor), by parts: act(gate), and what it is multiplied
  // with before the neuron's down row is; [inputs, neurons].
  template <typename Body>
  void for_parts(std::span<const float> x, const Body& body) const {
    for (std::uint64_t first = 0; first < d_ff_; first += kPart) {
      const std::uint64_t n = std::min<std::uint64_t>(kPart, d_ff_ - first);
      const std::uint64_t cols = deciding_[0].cols();
      std::vector<float> act = multiply_transposed(x, deciding_[0].rows(first, n), cols);
      for (std::size_t i = 0; i < act.size(); ++i)
        act[i] = sdk::activation(kind_, act[i] + (bias_.empty() ? 0 : bias_[first + i % n]));
      if (ffn_.gate == kNone) {
        body(first, n, act, std::vector<float>(act.size(), 1.0F));
        continue;
      }
      std::vector<float> factor = multiply_transposed(x, up_[0].rows(first, n), cols);
      if (kind_ == SF_ACTIVATION_DRELU)
        for (float& value : factor) value = std::max(value, 0.0F);
      body(first, n, act, factor);
    }
  }
  // |down row|^2.
  [[nodiscard]] float down_square(std::uint64_t neuron) const { return down_squares_[neuron]; }

 private:
  LayerNeurons(const Program& program, const ProgramFfn& ffn)
      : ffn_(ffn), kind_(program.hparams.activation), d_ff_(program.hparams.d_ff) {}

  void measure_down(const WeightRows& down) {
    down_squares_.assign(d_ff_, 0);
    const std::uint64_t d_model = deciding_[0].cols();
    for (std::uint64_t first = 0; first < d_ff_; first += kPart) {
      const std::uint64_t n = std::min<std::uint64_t>(kPart, d_ff_ - first);
      const bool by_neuron = ffn_.down_is_neuron_major;
      const std::vector<float> values =
          by_neuron ? down.rows(first, n) : down.block(0, d_model, first, n);
      for (std::size_t i = 0; i < values.size(); ++i)
        down_squares_[first + (by_neuron ? i / d_model : i % n)] += values[i] * values[i];
    }
  }

  const ProgramFfn& ffn_;
  std::uint32_t kind_, d_ff_;
  std::vector<WeightRows> deciding_, up_;  // one each
  std::vector<float> bias_, down_squares_;
};

// What the neurons of a layer do with some inputs: [inputs, neurons].
struct Sample {
  std::vector<float> sizes;  // |act(gate)|
  std::vector<float> gains;  // |what a unit of it adds|^2, as a share of what all neurons add
  std::size_t n_neurons;

  [[nodiscard]] double energy(std::size_t i) const {
    return double{sizes[i]} * sizes[i] * gains[i];
  }
};

// Shares by input, since a few of them (the first token of a sequence) add thousands of times what
// others do, and say nothing about these.
void make_shares(Sample& sample) {
  for (std::size_t first = 0; first < sample.sizes.size(); first += sample.n_neurons) {
    double all = 0;
    for (std::size_t i = first; i < first + sample.n_neurons; ++i) all += sample.energy(i);
    for (std::size_t i = first; i < first + sample.n_neurons; ++i)
      sample.gains[i] = all > 0 ? static_cast<float>(sample.gains[i] / all) : 0;
  }
}

Sample sample_of(const LayerNeurons& neurons, std::span<const float> x, std::size_t d_model) {
  const std::size_t width = neurons.size();
  Sample sample{{}, {}, width};
  sample.sizes.resize(x.size() / d_model * width);
  sample.gains.resize(sample.sizes.size());
  neurons.for_parts(x, [&](std::uint64_t first, std::uint64_t n, const std::vector<float>& act,
                           const std::vector<float>& factor) {
    for (std::size_t i = 0; i < act.size(); ++i) {
      const std::size_t neuron = first + i % n, at = i / n * width + neuron;
      sample.sizes[at] = std::fabs(act[i]);
      sample.gains[at] = factor[i] * factor[i] * neurons.down_square(neuron);
    }
  });
  make_shares(sample);
  return sample;
}

// What a unit of each neuron's activation adds: the root of the mean square.
std::vector<float> weights_of(const Sample& sample) {
  const std::size_t n_inputs = sample.gains.size() / sample.n_neurons;
  std::vector<double> sums(sample.n_neurons, 0);
  for (std::size_t i = 0; i < sample.gains.size(); ++i)
    sums[i % sample.n_neurons] += sample.gains[i];
  std::vector<float> weights;
  for (const double sum : sums)
    weights.push_back(static_cast<float>(std::sqrt(sum / static_cast<double>(n_inputs))));
  return weights;
}

// What the rule compares, of each neuron and input.
std::vector<float> weighed(const Sample& sample, const std::vector<float>& weights) {
  std::vector<float> sizes = sample.sizes;
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] *= weights[i % weights.size()];
  return sizes;
}

std::span<const float> some_rows(const RowSample& sample, std::size_t cols) {
  return sample.rows().first(std::min(sample.n_rows(), kRows) * cols);
}

// That leaves out `skip` of all sizes.
float threshold_of(std::vector<float> sizes, double skip) {
  const auto left_out =
      static_cast<std::size_t>(std::lround(skip * static_cast<double>(sizes.size())));
  if (left_out == 0) return 0;
  const auto last = sizes.begin() + static_cast<std::ptrdiff_t>(left_out - 1);
  std::nth_element(sizes.begin(), last, sizes.end());
  return *last;
}

void measure(const Sample& sample, FittedThreshold& fitted) {
  const std::vector<float> sizes = weighed(sample, fitted.weights);
  std::size_t skipped = 0;
  double lost = 0, all = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    all += sample.energy(i);
    if (sizes[i] > fitted.threshold) continue;
    ++skipped;
    lost += sample.energy(i);
  }
  fitted.skipped = static_cast<double>(skipped) / static_cast<double>(sizes.size());
  fitted.error = all > 0 ? lost / all : 0;
}

FittedThreshold fit_layer(const LayerNeurons& neurons, const FfnInputs& inputs, std::size_t d_model,
                          double skip) {
  const auto sample = [&](const RowSample& rows) {
    return sample_of(neurons, some_rows(rows, d_model), d_model);
  };
  FittedThreshold fitted;
  const Sample seen = sample(inputs.calibration);
  fitted.weights = weights_of(seen);
  fitted.threshold = threshold_of(weighed(seen, fitted.weights), skip);
  measure(sample(inputs.held_out), fitted);
  return fitted;
}

// body(layer) for all layers, on all cores; the first layer's error.
template <typename Body>
Status for_layers(std::size_t n, const Body& body,
                  const std::function<void(std::size_t)>& progress) {
  std::vector<Status> statuses(n);
  std::mutex mutex;
  std::size_t done = 0;
  parallel_parts(n, [&](std::size_t layer) {
    statuses[layer] = body(layer);
    const std::lock_guard lock(mutex);
    progress(++done);
  });
  for (const Status& status : statuses) SYNFIRE_RETURN_IF_ERROR(status);
  return {};
}

}  // namespace

Status check_threshold_fit(const ThresholdFitOptions& options) {
  if (!(options.skip >= 0 && options.skip < 1))
    return invalid_argument("skip: {}, want 0 to under 1", options.skip);
  return {};
}

Result<std::vector<FittedThreshold>> fit_thresholds(
    const Program& program, const GgufFile& file, const std::vector<FfnInputs>& inputs,
    const ThresholdFitOptions& options, const std::function<void(std::size_t)>& progress) {
  const Hparams& h = program.hparams;
  if (inputs.size() != h.n_layers)
    return invalid_argument("thresholds: inputs of {} layers, the model has {}", inputs.size(),
                            h.n_layers);
  for (std::size_t layer = 0; layer < inputs.size(); ++layer)
    if (inputs[layer].calibration.n_rows() == 0 || inputs[layer].held_out.n_rows() == 0)
      return invalid_argument("thresholds: layer {}: no inputs, want at least one", layer);
  std::vector<FittedThreshold> fitted(h.n_layers);
  SYNFIRE_RETURN_IF_ERROR(for_layers(
      h.n_layers,
      [&](std::size_t layer) -> Status {
        SYNFIRE_ASSIGN_OR_RETURN(
            const LayerNeurons neurons,
            LayerNeurons::make(program, file, static_cast<std::uint32_t>(layer)));
        fitted[layer] = fit_layer(neurons, inputs[layer], h.d_model, options.skip);
        return {};
      },
      progress));
  return fitted;
}

Status write_thresholds(const std::filesystem::path& path,
                        const std::vector<FittedThreshold>& layers,
                        const ThresholdFitOptions& options) {
  GgufHeader header = sidecar_header("threshold");
  header.set("synfire.predictor.skip", options.skip);  // that was wanted
  std::vector<FittedLayer> tensors;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string prefix = fmt::format("threshold.blk.{}.", i);
    header.set(prefix + "threshold", static_cast<double>(layers[i].threshold));
    header.set(prefix + "fired", 1 - layers[i].skipped);
    header.set(prefix + "error", layers[i].error);
    tensors.emplace_back().tensors.push_back(vector_of(prefix + "weight", layers[i].weights));
  }
  return write_sidecar(path, std::move(header), tensors);
}

}  // namespace synfire
