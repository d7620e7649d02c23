#include "tests/support/paper_milp.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>

#include <coin/Cbc_C_Interface.h>

namespace synfire {
namespace {

struct Deleter {
  void operator()(Cbc_Model* model) const { Cbc_deleteModel(model); }
};
using Model = std::unique_ptr<Cbc_Model, Deleter>;

struct Row {
  std::vector<int> columns;
  std::vector<double> factors;

  void add(int column, double factor) {
    columns.push_back(column);
    factors.push_back(factor);
  }
  void put(Cbc_Model* model, char sense, double right) const {
    Cbc_addRow(model, "", static_cast<int>(columns.size()), columns.data(), factors.data(), sense,
               right);
  }
};

// Equations 2 to 8, with a(g) for the groups and y(l) for whether a layer has any on the fast
// device:
//   (2) maximize the impact of what the fast device has: the objective, sum a(g) v(g)
//   (3) each neuron is on one device: a(g) is one binary, 0 means the slow one
//   (4) C_l T_fast + T_sync <= C_l T_slow: least_groups() is the least C_l that fulfils it
//   (5) T = bytes / bandwidth, likewise there
//   (6) memory: a row for each device
//   (7) sum a >= C_l y, and (8) sum a <= K y, with K the layer's groups
// The paper has neurons where this has groups. The numbering is from the paper as it was known when
// this was written; its text was not at hand to compare with, word by word. Ours are: budgets may
// be filled to the last byte, and what a device must hold besides the FFNs is taken off first.
class Formulation {
 public:
  explicit Formulation(const PlanProblem& problem)
      : problem_(problem),
        fast_(problem.devices[0].row_bandwidth >= problem.devices[1].row_bandwidth ? 0 : 1),
        model_(Cbc_newModel()) {
    Cbc_setLogLevel(model_.get(), 0);
    Cbc_setObjSense(model_.get(), -1);
    for (const PlanLayer& layer : problem.layers) {
      first_.push_back(n_columns_);
      for (std::uint32_t g = 0; g < layer.n_groups(); ++g)
        add_binary(impact(layer, g));  // (2), (3)
    }
    for (std::size_t l = 0; l < problem.layers.size(); ++l) add_layer(l);
    add_memory();
  }

  std::optional<PaperMilp> solve(double seconds) {
    Cbc_setMaximumSeconds(model_.get(), seconds);
    Cbc_solve(model_.get());
    const double* const x = Cbc_bestSolution(model_.get());
    if (x == nullptr) return std::nullopt;
    PaperMilp answer;
    answer.impact = Cbc_getObjValue(model_.get());
    answer.bound = Cbc_getBestPossibleObjValue(model_.get());
    answer.optimal = Cbc_isProvenOptimal(model_.get()) != 0;
    for (std::size_t l = 0; l < problem_.layers.size(); ++l) {
      GroupDevices& devices = answer.layers.emplace_back();
      for (std::uint32_t g = 0; g < problem_.layers[l].n_groups(); ++g)
        devices.push_back(static_cast<std::uint8_t>(
            x[first_[l] + static_cast<int>(g)] > 0.5 ? fast_ : 1 - fast_));
    }
    return answer;
  }

 private:
  int add_binary(double objective) {
    Cbc_addCol(model_.get(), "", 0, 1, objective, 1, 0, nullptr, nullptr);
    return n_columns_++;
  }

  [[nodiscard]] double impact(const PlanLayer& layer, std::uint32_t group) const {
    const auto row = layer.active.begin() + static_cast<std::ptrdiff_t>(group * problem_.n_tokens);
    return std::accumulate(row, row + problem_.n_tokens, 0.0) / problem_.n_tokens;
  }

  // Groups that save a synchronisation at least, (4) and (5).
  [[nodiscard]] double least_groups(const PlanLayer& layer) const {
    const PlanDevice& fast = problem_.devices[fast_];
    const PlanDevice& slow = problem_.devices[1 - fast_];
    const double bytes = static_cast<double>(layer.bytes.front());
    const double sync = std::max(fast.fork_join_seconds, slow.fork_join_seconds);
    const double saved = bytes / slow.row_bandwidth - bytes / fast.row_bandwidth;
    return saved > 0 ? std::ceil(sync / saved) : layer.n_groups();
  }

  // (7) and (8): sum a >= C y, sum a <= K y.
  void add_layer(std::size_t index) {
    const PlanLayer& layer = problem_.layers[index];
    const int y = add_binary(0);
    Row least, most;
    for (std::uint32_t g = 0; g < layer.n_groups(); ++g) {
      least.add(first_[index] + static_cast<int>(g), 1);
      most.add(first_[index] + static_cast<int>(g), 1);
    }
    least.add(y, -std::min<double>(least_groups(layer), layer.n_groups()));
    most.add(y, -static_cast<double>(layer.n_groups()));
    least.put(model_.get(), 'G', 0);
    most.put(model_.get(), 'L', 0);
  }

  // (6), for both devices, in MiB so that the numbers are of a size.
  void add_memory() {
    Row bytes;
    double all = 0;
    constexpr double kUnit = 1U << 20;
    for (std::size_t l = 0; l < problem_.layers.size(); ++l) {
      for (std::uint32_t g = 0; g < problem_.layers[l].n_groups(); ++g) {
        const double size = static_cast<double>(problem_.layers[l].bytes[g]) / kUnit;
        bytes.add(first_[l] + static_cast<int>(g), size);
        all += size;
      }
    }
    const auto room = [&](std::uint32_t device) {
      return static_cast<double>(problem_.devices[device].memory -
                                 (device == problem_.home ? problem_.home_bytes : 0)) /
             kUnit;
    };
    bytes.put(model_.get(), 'L', room(fast_));
    bytes.put(model_.get(), 'G', all - room(1 - fast_));
  }

  const PlanProblem& problem_;
  std::uint32_t fast_;
  Model model_;
  int n_columns_ = 0;
  std::vector<int> first_;  // by layer: the column of its first group
};

}  // namespace

std::optional<PaperMilp> solve_paper_milp(const PlanProblem& problem, double seconds) {
  return Formulation(problem).solve(seconds);
}

}  // namespace synfire
