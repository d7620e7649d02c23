#include "core/runtime/layer_choices.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/runtime/fitted_tensor.hpp"
#include "core/runtime/layer_gates.hpp"
#include "core/runtime/layer_scorers.hpp"
#include "core/sparsity/cheapest_cut.hpp"

namespace synfire {
namespace {

// What skipping neurons costs on some inputs: the square of what each would add to the output.
double output_of(std::uint32_t activation, float gate, float up) {
  const double fired = std::max(gate, 0.0F);
  switch (activation) {
    case SF_ACTIVATION_RELU2: return fired * fired * up;
    case SF_ACTIVATION_DRELU: return fired * std::max(up, 0.0F);
    default: return fired * up;
  }
}

std::vector<float> skip_costs(std::uint32_t activation, const LayerGates& layer,
                              const LayerGates::Sample& sample) {
  std::vector<float> costs(sample.gates.size());
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const float up = sample.ups.empty() ? 1.0F : sample.ups[i];
    const double output = output_of(activation, sample.gates[i], up);
    costs[i] = static_cast<float>(output * output * layer.down_squares[i % layer.d_ff]);
  }
  return costs;
}

// By neuron, cost for a squared gate of one; a neuron that was never seen firing counts as the
// mean.
std::vector<double> worths(const LayerGates& layer, std::span<const float> costs) {
  std::vector<double> cost(layer.d_ff), square(layer.d_ff), worth(layer.d_ff);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const double fired = std::max(layer.seen.gates[i], 0.0F);
    cost[i % layer.d_ff] += costs[i];
    square[i % layer.d_ff] += fired * fired;
  }
  const double squares = std::accumulate(square.begin(), square.end(), 0.0);
  const double mean = squares > 0 ? std::accumulate(cost.begin(), cost.end(), 0.0) / squares : 1.0;
  for (std::size_t j = 0; j < worth.size(); ++j)
    worth[j] = square[j] > 0 ? cost[j] / square[j] : mean;
  return worth;
}

// A neuron's least margin that is predicted at each price: falling.
std::array<double, kPrices> cuts_of(const ScoreLine& line, double worth, double bytes_for_power,
                                    const CheapestCut& cheapest) {
  std::array<double, kPrices> cuts{};
  for (std::size_t k = 0; k < kPrices; ++k)
    cuts[k] = cheapest.margin(price_at(k) * bytes_for_power * worth * line.error * line.error);
  return cuts;
}

class Pricer {
 public:
  Pricer(std::uint32_t activation, const LayerGates& layer, LayerChoices& choices)
      : layer_(layer),
        choices_(choices),
        costs_(skip_costs(activation, layer, layer.unseen)),
        cheapest_(choices.asked_bytes, choices.active_bytes) {
    const std::vector<float> seen = skip_costs(activation, layer, layer.seen);
    choices.worth = worths(layer, seen);
    choices.power =
        std::accumulate(seen.begin(), seen.end(), 0.0) / static_cast<double>(layer.seen.rows);
    all_costs_ = std::accumulate(costs_.begin(), costs_.end(), 0.0);
  }

  void add(LayerScorer scorer) {
    LayerChoices::Choice choice;
    choice.lines = fit_score_lines(scorer.scores(layer_.seen.x), layer_.seen.gates, layer_.d_ff);
    choice.uses = uses(choice.lines, scorer.scores(layer_.unseen.x));
    choice.layer.rank = scorer.rank();
    choice.predictor_bytes = static_cast<double>(scorer.bytes() + layer_.d_ff * sizeof(float));
    choice.layer.tensors = std::move(scorer).take_tensors();
    choices_.choices.push_back(std::move(choice));
  }

  // Whether the last one added beats all others at some price.
  [[nodiscard]] bool last_pays() const {
    const auto& all = choices_.choices;
    for (std::size_t k = 0; k < kPrices; ++k) {
      const auto cost = [&](const LayerChoices::Choice& choice) {
        return choice.bytes(k, choices_) + price_at(k) * choices_.asked_bytes *
                                               static_cast<double>(layer_.d_ff) *
                                               choice.uses[k].error;
      };
      const double last = cost(all.back());
      if (std::all_of(all.begin(), all.end() - 1,
                      [&](const auto& other) { return last < cost(other); }))
        return true;
    }
    return false;
  }

 private:
  [[nodiscard]] std::vector<PricedUse> uses(const std::vector<ScoreLine>& lines,
                                            const std::vector<float>& scores) const {
    const double gates = choices_.asked_bytes * static_cast<double>(layer_.d_ff);
    const double bytes_for_power = gates / std::max(choices_.power, 1e-30);
    // First what each price adds to the one before.
    std::vector<PricedUse> uses(kPrices + 1);
    for (std::size_t j = 0; j < layer_.d_ff; ++j) {
      const auto cuts = cuts_of(lines[j], choices_.worth[j], bytes_for_power, cheapest_);
      for (std::size_t i = j; i < scores.size(); i += layer_.d_ff) {
        const double margin = lines[j].margin(scores[i]);
        const auto first = std::partition_point(cuts.begin(), cuts.end(),
                                                [&](double cut) { return margin <= cut; });
        PricedUse& use = uses[static_cast<std::size_t>(first - cuts.begin())];
        const double fires = layer_.unseen.gates[i] > 0 ? 1 : 0;
        use.asked += 1;
        use.both += fires;
        use.error += costs_[i];
      }
    }
    const auto n = static_cast<double>(layer_.unseen.rows);
    PricedUse sum;
    for (const PricedUse& use : uses) sum.fired += use.both / n;
    for (PricedUse& use : uses) {
      sum.asked += use.asked / n;
      sum.both += use.both / n;
      sum.error += use.error;
      use = sum;
      use.error = all_costs_ > 0 ? std::max(1 - sum.error / all_costs_, 0.0) : 0;
    }
    uses.pop_back();
    return uses;
  }

  const LayerGates& layer_;
  LayerChoices& choices_;
  std::vector<float> costs_;  // of the held-out inputs
  double all_costs_ = 0;
  CheapestCut cheapest_;
};

// The price index of a layer whose outputs weigh `share` of the residual stream.
std::size_t index_of(double price, double share) {
  const double steps = std::round(2 * std::log2(std::max(price * share, 1e-300)));
  return static_cast<std::size_t>(std::clamp(steps, 0.0, static_cast<double>(kPrices - 1)));
}

const LayerChoices::Choice& cheapest_of(const LayerChoices& layer, std::size_t price) {
  const double gates = layer.asked_bytes * static_cast<double>(layer.choices.front().lines.size());
  const auto cost = [&](const LayerChoices::Choice& choice) {
    return choice.bytes(price, layer) + price_at(price) * gates * choice.uses[price].error;
  };
  return *std::min_element(layer.choices.begin(), layer.choices.end(),
                           [&](const auto& a, const auto& b) { return cost(a) < cost(b); });
}

FittedLayer made(const LayerChoices& layer, std::size_t price, std::string prefix) {
  const LayerChoices::Choice& choice = cheapest_of(layer, price);
  const std::size_t n = choice.lines.size();
  FittedLayer made = choice.layer;
  const PricedUse& use = choice.uses[price];
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : -1; };
  const auto neurons = static_cast<double>(n);
  made.quality = {share(use.both, use.fired), share(use.both, use.asked), use.asked / neurons,
                  use.fired / neurons};
  const CheapestCut cheapest(layer.asked_bytes, layer.active_bytes);
  const double bytes_for_power = layer.asked_bytes * neurons / std::max(layer.power, 1e-30);
  std::vector<float> biases;
  for (std::size_t j = 0; j < n; ++j) {
    const ScoreLine& line = choice.lines[j];
    biases.push_back(line.bias(cheapest.margin(price_at(price) * bytes_for_power * layer.worth[j] *
                                               line.error * line.error)));
  }
  made.tensors.push_back(vector_of(std::move(prefix) + "bias", biases));
  return made;
}

}  // namespace

double price_at(std::size_t index) { return std::exp2(static_cast<double>(index) / 2); }

double LayerChoices::Choice::bytes(std::size_t price, const LayerChoices& of) const {
  return predictor_bytes + uses[price].asked * of.asked_bytes + uses[price].both * of.active_bytes;
}

Result<LayerChoices> fit_layer_choices(const Program& program, const GgufFile& file,
                                       std::uint32_t layer, const FfnInputs& inputs,
                                       const PredictorFitOptions& options) {
  SYNFIRE_ASSIGN_OR_RETURN(const LayerGates gates, LayerGates::make(program, file, layer, inputs));
  LayerChoices choices;
  choices.asked_bytes = gates.asked_bytes;
  choices.active_bytes = gates.active_bytes;
  Pricer pricer(program.hparams.activation, gates, choices);
  SYNFIRE_RETURN_IF_ERROR(for_each_scorer(gates, inputs, layer, options, [&](LayerScorer scorer) {
    pricer.add(std::move(scorer));
    return pricer.last_pays();
  }));
  return choices;
}

std::vector<FittedLayer> choose_layers(const std::vector<LayerChoices>& layers, double error,
                                       const PredictorFitOptions& options) {
  std::vector<double> shares;  // of the residual stream
  double stream = 0;
  for (const LayerChoices& layer : layers) {
    stream += layer.power;
    shares.push_back(stream > 0 ? layer.power / stream : 1);
  }
  const auto errors_at = [&](double price) {
    double sum = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const std::size_t index = index_of(price, shares[i]);
      sum += shares[i] * cheapest_of(layers[i], index).uses[index].error;
    }
    return sum;
  };
  // The least price that keeps to the error; steps as fine as make one layer's index change.
  double low = 0, high = 8.0 * kPrices;
  while (high - low > 1) {
    const double middle = std::floor((low + high) / 2);
    (errors_at(std::exp2(middle / 8)) <= error ? high : low) = middle;
  }
  std::vector<FittedLayer> chosen;
  for (std::size_t i = 0; i < layers.size(); ++i)
    chosen.push_back(made(layers[i], index_of(std::exp2(high / 8), shares[i]),
                          fmt::format("{}.blk.{}.", options.type, i)));
  return chosen;
}

}  // namespace synfire
