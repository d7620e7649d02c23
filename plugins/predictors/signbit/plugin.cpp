// One bit per gate weight: the score of a neuron is the sum of the FFN's inputs, each with the sign
// of the neuron's weight for it. A sixteenth of an F16 gate's bytes, and nothing to train but where
// to cut: the calibration beside the model (signbit.blk.N.bias) is added to the scores. Without one
// nobody knows what is missed: where gates are mostly negative, so are the sums, and a cut at zero
// finds next to nothing.
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "plugins/sdk/block_codec.hpp"
#include "plugins/sdk/made_tensor.hpp"
#include "plugins/sdk/parallel_rows.hpp"
#include "plugins/sdk/predictor.hpp"

namespace synfire {
namespace {

// Bits of [rows, ceil(cols / 8)] bytes: set where a weight is negative.
sdk::MadeTensor signs_of(const sf_tensor_desc& gate) {
  const DType dtype = find_dtype(gate.dtype)->dtype;
  const auto* const weights = static_cast<const std::byte*>(gate.data);
  const std::size_t bytes = row_bytes(dtype, gate.cols);
  sdk::MadeTensor signs(std::string(gate.name) + " signs", DType::i8, gate.rows,
                        (gate.cols + 7) / 8);
  sdk::parallel_rows(gate.rows, [&](std::size_t first, std::size_t last) {
    std::vector<float> row(gate.cols);
    for (std::size_t r = first; r < last; ++r) {
      dequantize_row(dtype, weights + r * bytes, gate.cols, row.data());
      std::byte* const bits = signs.row(r);
      for (std::size_t i = 0; i < row.size(); ++i)
        if (row[i] < 0) bits[i / 8] |= std::byte{1} << i % 8;
    }
  });
  return signs;
}

class Signbit {
 public:
  static constexpr const char* kName = "signbit";
  static constexpr const char* kVersion = "0.1.0";
  static constexpr const char* kDescription = "the signs of the gate's weights, one bit each";

  Signbit(const sdk::PredictorModel& model, sdk::OptionReader&) {
    for (std::uint32_t i = 0; i < model.n_layers(); ++i) {
      const std::string prefix = "signbit." + model.layer_name(i, "");
      auto layer = std::make_unique<sdk::PredictorLayer>(model.d_model());
      layer->tap = SF_TAP_FFN_INPUT;
      layer->gate_rule = model.lossless_gate_rule();
      layer->threshold = static_cast<float>(model.number("signbit.threshold").value_or(0));
      layer->recall = model.number(prefix + "recall").value_or(-1);
      layer->precision = model.number(prefix + "precision").value_or(-1);
      const sf_tensor_desc& gate = model.gate(i);
      const sf_tensor_desc& bias =
          model.matrix(prefix + "bias", 1, model.d_ff(), "synfire predictor fit --type signbit");
      const sdk::MadeTensor& signs = signs_.emplace_back(signs_of(gate));
      layer->set_scores(layer->sign_linear(layer->kTap, signs.desc(), &bias));
      layers_.push_back(std::move(layer));
    }
  }

  sdk::PredictorLayer& layer(std::uint32_t index) { return *layers_[index]; }

 private:
  std::deque<sdk::MadeTensor> signs_;  // whose elements stay where they are
  std::vector<std::unique_ptr<sdk::PredictorLayer>> layers_;
};

}  // namespace
}  // namespace synfire

SYNFIRE_PREDICTOR_PLUGIN(synfire::Signbit)
