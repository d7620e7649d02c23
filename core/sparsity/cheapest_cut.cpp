#include "core/sparsity/cheapest_cut.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

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

}  // namespace

CheapestCut::CheapestCut(double asked, double active) {
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
  return kLeast + (static_cast<double>(at) - 1 + part) * kStep;
}

}  // namespace synfire
