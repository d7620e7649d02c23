#include "core/sparsity/cheapest_cut.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

namespace synfire {
namespace {

constexpr double kLeast = -8, kMost = 8, kStep = 1.0 / 64;
constexpr double kNever = 1e6;  // a margin that no score has

double density(double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); }
double probability(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }
// E[max(m + n, 0)^2] for a standard normal n.
double mean_square(double m) {
  return std::max((m * m + 1) * probability(m) + m * density(m), 1e-300);
}

// Observed means of a quantity that rises, of neighbours pooled where it seems to fall (pool
// adjacent violators, Ayer et al. 1955).
class RisingMeans {
 public:
  void add(double sum, double weight) {
    pools_.push_back({sum, weight, 1});
    while (pools_.size() > 1 && !(mean(pools_.size() - 2) < mean(pools_.size() - 1))) {
      const Pool last = pools_.back();
      pools_.pop_back();
      pools_.back().sum += last.sum;
      pools_.back().weight += last.weight;
      pools_.back().cells += last.cells;
    }
  }
  // A mean for everything that was added.
  [[nodiscard]] std::vector<double> by_cell() const {
    std::vector<double> means;
    for (std::size_t i = 0; i < pools_.size(); ++i)
      means.insert(means.end(), pools_[i].cells, mean(i));
    return means;
  }

 private:
  struct Pool {
    double sum, weight;
    std::size_t cells;
  };
  // Without observations as what comes before, so that the pool joins it.
  [[nodiscard]] double mean(std::size_t i) const {
    return pools_[i].weight > 0 ? pools_[i].sum / pools_[i].weight : 0;
  }
  std::vector<Pool> pools_;
};

}  // namespace

CheapestCut CheapestCut::seen(double asked, double active, std::span<const float> scores,
                              std::span<const float> gates, std::span<const float> costs) {
  constexpr double kLeastScore = -16;
  constexpr std::size_t kCells = 256;
  CheapestCut cut;
  cut.step_ = 2 * -kLeastScore / kCells;
  cut.least_ = kLeastScore + cut.step_ / 2;
  struct Cell {
    double n = 0, fired = 0, cost = 0;
  };
  std::vector<Cell> cells(kCells);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double at = std::clamp((scores[i] - kLeastScore) / cut.step_, 0.0, kCells - 1.0);
    Cell& cell = cells[static_cast<std::size_t>(at)];
    cell.n += 1;
    cell.fired += gates[i] > 0 ? 1 : 0;
    cell.cost += costs[i];
  }
  RisingMeans fires, cost;
  for (const Cell& cell : cells) {
    fires.add(cell.fired, cell.n);
    cost.add(cell.cost, cell.n);
  }
  const std::vector<double> firing = fires.by_cell(), skipped = cost.by_cell();
  double least = INFINITY;
  for (std::size_t i = 0; i < kCells; ++i) {
    least = std::min(least, std::log((asked + active * firing[i]) / std::max(skipped[i], 1e-300)));
    cut.worth_.push_back(least);
  }
  return cut;
}

CheapestCut::CheapestCut(double asked, double active) : least_(kLeast), step_(kStep) {
  for (int i = 0; kLeast + i * kStep <= kMost; ++i) {
    const double margin = kLeast + i * kStep;
    worth_.push_back(std::log((asked + active * probability(margin)) / mean_square(margin)));
  }
}

double CheapestCut::margin(double worth) const {
  const double wanted = std::log(std::max(worth, 1e-300));
  // The first margin that pays.
  const auto pays = std::partition_point(worth_.begin(), worth_.end(),
                                         [&](double at_least) { return at_least > wanted; });
  if (pays == worth_.end()) return kNever;
  if (pays == worth_.begin()) return -kNever;
  const auto at = static_cast<std::size_t>(pays - worth_.begin());
  const double part = (worth_[at - 1] - wanted) / (worth_[at - 1] - worth_[at]);
  return least_ + (static_cast<double>(at) - 1 + part) * step_;
}

}  // namespace synfire
