#include "core/runtime/layer_choices.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/runtime/fitted_tensor.hpp"
#include "core/runtime/layer_gates.hpp"
#include "core/runtime/layer_scorers.hpp"
#include "core/runtime/mlp_fit.hpp"

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

// By neuron, cost for a firing; one that was seen fire seldom is drawn to the mean of all.
std::vector<double> worths_of_firing(const LayerGates& layer, std::span<const float> costs) {
  constexpr double kOfMean = 8;  // firings
  std::vector<double> cost(layer.d_ff), fired(layer.d_ff), worth(layer.d_ff);
  for (std::size_t i = 0; i < costs.size(); ++i) {
    cost[i % layer.d_ff] += costs[i];
    fired[i % layer.d_ff] += layer.seen.gates[i] > 0 ? 1 : 0;
  }
  const double all = std::accumulate(fired.begin(), fired.end(), 0.0);
  const double mean = all > 0 ? std::accumulate(cost.begin(), cost.end(), 0.0) / all : 1.0;
  for (std::size_t j = 0; j < worth.size(); ++j)
    worth[j] = (cost[j] + kOfMean * mean) / (fired[j] + kOfMean);
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

// What a choice costs at a price, in bytes.
double cost_of(const LayerChoices::Choice& choice, std::size_t price, const LayerChoices& layer) {
  const double gates = layer.asked_bytes * static_cast<double>(choice.lines.size());
  return choice.bytes(price, layer) + price_at(price) * gates * choice.uses[price].error;
}

class Pricer {
 public:
  Pricer(std::uint32_t activation, const LayerGates& layer, LayerChoices& choices)
      : layer_(layer),
        choices_(choices),
        seen_costs_(skip_costs(activation, layer, layer.seen)),
        costs_(skip_costs(activation, layer, layer.unseen)),
        all_costs_(std::accumulate(costs_.begin(), costs_.end(), 0.0)) {
    choices.power = std::accumulate(seen_costs_.begin(), seen_costs_.end(), 0.0) /
                    static_cast<double>(layer.seen.rows);
  }

  // One whose scores tell gates.
  void add(LayerScorer scorer, const std::string& prefix) {
    if (choices_.worth.empty()) choices_.worth = worths(layer_, seen_costs_);
    const CheapestCut cheapest(choices_.asked_bytes, choices_.active_bytes);
    std::vector<ScoreLine> lines =
        fit_score_lines(scorer.scores(layer_.seen.x), layer_.seen.gates, layer_.d_ff);
    std::vector<PricedUse> priced = uses(lines, cheapest, scorer.scores(layer_.unseen.x));
    FittedLayer layer;
    layer.rank = scorer.rank();
    const auto bytes = static_cast<double>(scorer.bytes() + layer_.d_ff * sizeof(float));
    layer.tensors = std::move(scorer).take_tensors();
    choices_.choices.push_back({std::move(layer), bytes, std::move(lines), cheapest,
                                std::move(priced),
                                [prefix](const std::vector<float>& biases, FittedLayer& to) {
                                  to.tensors.push_back(vector_of(prefix + "bias", biases));
                                }});
  }

  // One whose scores tell how likely neurons fire.
  void add(MlpCandidate mlp) {
    if (choices_.worth.empty()) choices_.worth = worths_of_firing(layer_, seen_costs_);
    const CheapestCut cheapest =
        CheapestCut::seen(choices_.asked_bytes, choices_.active_bytes, mlp.seen_scores,
                          layer_.seen.gates, relative(seen_costs_));
    std::vector<ScoreLine> lines(layer_.d_ff, ScoreLine{1, 0, 1});
    std::vector<PricedUse> priced = uses(lines, cheapest, mlp.unseen_scores);
    double bytes = 0;
    for (const FittedLayer::Tensor& tensor : mlp.layer.tensors)
      bytes += static_cast<double>(tensor.data.size());
    choices_.choices.push_back({std::move(mlp.layer), bytes, std::move(lines), cheapest,
                                std::move(priced), std::move(mlp.add_biases)});
  }

  // Whether the last one added beats all others at some price.
  [[nodiscard]] bool last_pays() const { return last_pays(0, kPrices); }
  // The same for prices at which the others' error is within four times of `error`.
  [[nodiscard]] bool last_pays_near(double error) const {
    const std::span others = std::span(choices_.choices).first(choices_.choices.size() - 1);
    constexpr double kNear = 4;
    const auto first_under = [&](double most) {
      std::size_t price = 0;
      while (price + 1 < kPrices && std::min_element(others.begin(), others.end(),
                                                     [&](const auto& a, const auto& b) {
                                                       return cost_of(a, price, choices_) <
                                                              cost_of(b, price, choices_);
                                                     })
                                            ->uses[price]
                                            .error > most)
        ++price;
      return price;
    };
    return others.empty() || last_pays(first_under(error * kNear), first_under(error / kNear) + 1);
  }

 private:
  [[nodiscard]] bool last_pays(std::size_t first, std::size_t end) const {
    const auto& all = choices_.choices;
    for (std::size_t k = first; k < end; ++k) {
      const double last = cost_of(all.back(), k, choices_);
      if (std::all_of(all.begin(), all.end() - 1,
                      [&](const auto& other) { return last < cost_of(other, k, choices_); }))
        return true;
    }
    return false;
  }
  // Costs over what each neuron's are worth.
  [[nodiscard]] std::vector<float> relative(std::vector<float> costs) const {
    for (std::size_t i = 0; i < costs.size(); ++i)
      costs[i] = static_cast<float>(costs[i] / std::max(choices_.worth[i % layer_.d_ff], 1e-30));
    return costs;
  }
  [[nodiscard]] std::vector<PricedUse> uses(const std::vector<ScoreLine>& lines,
                                            const CheapestCut& cheapest,
                                            const std::vector<float>& scores) const {
    const double gates = choices_.asked_bytes * static_cast<double>(layer_.d_ff);
    const double bytes_for_power = gates / std::max(choices_.power, 1e-30);
    // First what each price adds to the one before.
    std::vector<PricedUse> uses(kPrices + 1);
    for (std::size_t j = 0; j < layer_.d_ff; ++j) {
      const auto cuts = cuts_of(lines[j], choices_.worth[j], bytes_for_power, cheapest);
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
  const std::vector<float> seen_costs_, costs_;  // of inputs seen and held out
  const double all_costs_;                       // of those held out
};

// The price index of a layer whose outputs weigh `share` of the residual stream.
std::size_t index_of(double price, double share) {
  const double steps = std::round(2 * std::log2(std::max(price * share, 1e-300)));
  return static_cast<std::size_t>(std::clamp(steps, 0.0, static_cast<double>(kPrices - 1)));
}

const LayerChoices::Choice& cheapest_of(const LayerChoices& layer, std::size_t price) {
  return *std::min_element(layer.choices.begin(), layer.choices.end(),
                           [&](const auto& a, const auto& b) {
                             return cost_of(a, price, layer) < cost_of(b, price, layer);
                           });
}

FittedLayer made(const LayerChoices& layer, std::size_t price) {
  const LayerChoices::Choice& choice = cheapest_of(layer, price);
  const std::size_t n = choice.lines.size();
  FittedLayer made = choice.layer;
  const PricedUse& use = choice.uses[price];
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : -1; };
  const auto neurons = static_cast<double>(n);
  made.quality = {share(use.both, use.fired), share(use.both, use.asked), use.asked / neurons,
                  use.fired / neurons};
  const double bytes_for_power = layer.asked_bytes * neurons / std::max(layer.power, 1e-30);
  std::vector<float> biases;
  for (std::size_t j = 0; j < n; ++j) {
    const ScoreLine& line = choice.lines[j];
    biases.push_back(line.bias(choice.cheapest.margin(price_at(price) * bytes_for_power *
                                                      layer.worth[j] * line.error * line.error)));
  }
  choice.add_biases(std::move(biases), made);
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
  const bool is_mlp = options.type == "mlp";
  std::optional<FfnInputs> of_mlp;
  if (is_mlp) {
    SYNFIRE_ASSIGN_OR_RETURN(FfnInputs held_out, mlp_held_out(program, file, layer, inputs));
    of_mlp.emplace(std::move(held_out));
  }
  SYNFIRE_ASSIGN_OR_RETURN(const LayerGates gates,
                           LayerGates::make(program, file, layer, is_mlp ? *of_mlp : inputs));
  LayerChoices choices;
  choices.asked_bytes = gates.asked_bytes;
  choices.active_bytes = gates.active_bytes;
  Pricer pricer(program.hparams.activation, gates, choices);
  if (is_mlp) {
    SYNFIRE_RETURN_IF_ERROR(
        for_each_mlp(program, file, layer, inputs, options, [&](MlpCandidate candidate) {
          pricer.add(std::move(candidate));
          return pricer.last_pays_near(*options.max_loss / kLossOfError);
        }));
    return choices;
  }
  const std::string prefix = fmt::format("{}.blk.{}.", options.type, layer);
  SYNFIRE_RETURN_IF_ERROR(for_each_scorer(gates, inputs, layer, options, [&](LayerScorer scorer) {
    pricer.add(std::move(scorer), prefix);
    return pricer.last_pays();
  }));
  return choices;
}

std::vector<FittedLayer> choose_layers(const std::vector<LayerChoices>& layers, double error) {
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
    chosen.push_back(made(layers[i], index_of(std::exp2(high / 8), shares[i])));
  return chosen;
}

}  // namespace synfire
