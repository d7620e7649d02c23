#include "core/sparsity/planner/plan_options.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace synfire {
namespace {

using Bytes = LayerCosts::Bytes;
constexpr std::uint32_t kNone = UINT32_MAX;

bool fits(const Bytes& used, const Bytes& capacity) {
  for (std::size_t d = 0; d < used.size(); ++d)
    if (used[d] > capacity[d]) return false;
  return true;
}

Bytes sum(const Bytes& a, const Bytes& b) {
  Bytes total{};
  for (std::size_t d = 0; d < a.size(); ++d) total[d] = a[d] + b[d];
  return total;
}

// A choice for some of the layers. Its way back: the state before it, and the option after that.
struct State {
  double seconds = 0;
  Bytes used{};
  std::uint32_t before = kNone, option = kNone;
};

std::vector<std::uint32_t> way_to(const std::vector<std::vector<State>>& stages,
                                  std::uint32_t last) {
  std::vector<std::uint32_t> chosen(stages.size() - 1);
  for (std::size_t stage = stages.size() - 1; stage > 0; --stage) {
    const State& state = stages[stage][last];
    chosen[stage - 1] = state.option;
    last = state.before;
  }
  return chosen;
}

// Which states are alike: cells of the space of bytes used, the largest device left out.
class Cells {
 public:
  Cells(const Bytes& capacity, std::uint32_t n_devices) : capacity_(capacity) {
    constexpr double kCells = 4096;
    for (std::uint32_t d = 0; d < n_devices; ++d) axes_.push_back(d);
    axes_.erase(std::max_element(axes_.begin(), axes_.end(),
                                 [&](auto a, auto b) { return capacity[a] < capacity[b]; }));
    if (axes_.empty()) return;
    per_axis_ =
        static_cast<std::uint64_t>(std::pow(kCells, 1.0 / static_cast<double>(axes_.size())) + 0.5);
  }
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 1;
    for (std::size_t i = 0; i < axes_.size(); ++i) n *= per_axis_;
    return n;
  }
  [[nodiscard]] std::size_t cell(const Bytes& used) const {
    std::size_t cell = 0;
    for (const std::uint32_t d : axes_) {
      const double share = static_cast<double>(used[d]) / (static_cast<double>(capacity_[d]) + 1);
      cell = cell * per_axis_ + static_cast<std::uint64_t>(share * static_cast<double>(per_axis_));
    }
    return cell;
  }

 private:
  Bytes capacity_;
  std::vector<std::uint32_t> axes_;
  std::uint64_t per_axis_ = 1;
};

std::uint32_t fastest(const std::vector<State>& states) {
  const auto best =
      std::min_element(states.begin(), states.end(),
                       [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
  return static_cast<std::uint32_t>(best - states.begin());
}

// Keeps those that no other one beats in time and in every device's bytes. Item needs seconds and
// what `bytes` gives.
template <typename Item, typename Used>
void keep_best(std::vector<Item>& items, const Used& used) {
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.seconds < b.seconds; });
  std::vector<Item> kept;
  for (Item& item : items) {
    const bool beaten = std::any_of(
        kept.begin(), kept.end(), [&](const Item& other) { return fits(used(other), used(item)); });
    if (!beaten) kept.push_back(std::move(item));
  }
  items = std::move(kept);
}

// Every assignment of a layer's groups, from the first group on.
class Enumeration {
 public:
  explicit Enumeration(const LayerCosts& costs) : costs_(costs), devices_(costs.n_groups()) {}

  std::vector<LayerOption> run() {
    go_on(0);
    flush();
    return std::move(options_);
  }

 private:
  static constexpr std::size_t kAtOnce = 4096;

  void go_on(std::uint32_t group) {
    if (group == costs_.n_groups()) {
      options_.push_back(LayerOption::of(costs_, devices_));
      if (options_.size() >= limit_) flush();
      return;
    }
    for (std::uint32_t d = 0; d < costs_.n_devices(); ++d) {
      devices_[group] = static_cast<std::uint8_t>(d);
      go_on(group + 1);
    }
  }
  void flush() {
    keep_best(options_, [](const LayerOption& option) { return option.memory; });
    limit_ = options_.size() + kAtOnce;
  }

  const LayerCosts& costs_;
  GroupDevices devices_;
  std::vector<LayerOption> options_;
  std::size_t limit_ = kAtOnce;
};

}  // namespace

std::vector<LayerOption> all_options(const LayerCosts& costs) { return Enumeration(costs).run(); }

std::optional<std::vector<std::uint32_t>> choose_options(const LayerOptions& options,
                                                         const Bytes& capacity,
                                                         std::uint32_t n_devices) {
  const Cells cells(capacity, n_devices);
  std::vector<std::vector<State>> stages{{State{}}};
  std::vector<std::uint32_t> at(cells.count());
  for (const std::vector<LayerOption>& layer : options) {
    std::vector<State> next;
    std::fill(at.begin(), at.end(), kNone);
    const std::vector<State>& states = stages.back();
    for (std::uint32_t s = 0; s < states.size(); ++s) {
      for (std::uint32_t o = 0; o < layer.size(); ++o) {
        const State state{states[s].seconds + layer[o].seconds,
                          sum(states[s].used, layer[o].memory), s, o};
        if (!fits(state.used, capacity)) continue;
        std::uint32_t& place = at[cells.cell(state.used)];
        if (place == kNone) {
          place = static_cast<std::uint32_t>(next.size());
          next.push_back(state);
        } else if (state.seconds < next[place].seconds) {
          next[place] = state;
        }
      }
    }
    if (next.empty()) return std::nullopt;
    stages.push_back(std::move(next));
  }
  return way_to(stages, fastest(stages.back()));
}

std::optional<ExactChoice> choose_exactly(const LayerOptions& options, const Bytes& capacity,
                                          double upper, std::size_t max_states) {
  // What the layers from one on take at least, memory aside.
  std::vector<double> rest(options.size() + 1);
  for (std::size_t layer = options.size(); layer-- > 0;)
    rest[layer] = rest[layer + 1] + options[layer].front().seconds;  // the fastest comes first
  std::vector<std::vector<State>> stages{{State{}}};
  for (std::size_t layer = 0; layer < options.size(); ++layer) {
    std::vector<State> next;
    const std::vector<State>& states = stages.back();
    for (std::uint32_t s = 0; s < states.size(); ++s) {
      for (std::uint32_t o = 0; o < options[layer].size(); ++o) {
        const State state{states[s].seconds + options[layer][o].seconds,
                          sum(states[s].used, options[layer][o].memory), s, o};
        if (state.seconds + rest[layer + 1] >= upper) break;  // later ones take longer
        if (fits(state.used, capacity)) next.push_back(state);
      }
      if (next.size() > 8 * max_states) return std::nullopt;
    }
    keep_best(next, [](const State& state) { return state.used; });
    if (next.empty()) return ExactChoice{};
    if (next.size() > max_states) return std::nullopt;
    stages.push_back(std::move(next));
  }
  const std::uint32_t last = fastest(stages.back());
  return ExactChoice{way_to(stages, last), stages.back()[last].seconds};
}

}  // namespace synfire
