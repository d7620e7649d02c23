#include "core/sparsity/planner/knapsack.hpp"

#include <algorithm>
#include <numeric>

namespace synfire {
namespace {

class Search {
 public:
  Search(const std::vector<KnapsackItem>& items, std::size_t max_nodes)
      : items_(items), order_(items.size()), taken_(items.size()), nodes_left_(max_nodes) {
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return items[a].value * static_cast<double>(items[b].bytes) >
             items[b].value * static_cast<double>(items[a].bytes);
    });
  }

  std::vector<bool> run(std::uint64_t capacity) {
    best_ = taken_;
    go_on(0, capacity, 0);
    return best_;
  }

 private:
  void go_on(std::size_t at, std::uint64_t room, double value) {
    if (value > best_value_) {
      best_value_ = value;
      best_ = taken_;
    }
    if (at == order_.size() || nodes_left_ == 0 || value + most(at, room) <= best_value_) return;
    --nodes_left_;
    const std::size_t i = order_[at];
    if (items_[i].bytes <= room) {
      taken_[i] = true;
      go_on(at + 1, room - items_[i].bytes, value + items_[i].value);
      taken_[i] = false;
    }
    go_on(at + 1, room, value);
  }

  [[nodiscard]] double most(std::size_t at, std::uint64_t room) const {
    double value = 0;
    for (; at < order_.size(); ++at) {
      const KnapsackItem& item = items_[order_[at]];
      if (item.bytes > room)
        return value + item.value * static_cast<double>(room) / static_cast<double>(item.bytes);
      room -= item.bytes;
      value += item.value;
    }
    return value;
  }

  const std::vector<KnapsackItem>& items_;
  std::vector<std::size_t> order_;
  std::vector<bool> taken_, best_;
  double best_value_ = 0;
  std::size_t nodes_left_;
};

}  // namespace

std::vector<bool> fill_knapsack(const std::vector<KnapsackItem>& items, std::uint64_t capacity,
                                std::size_t max_nodes) {
  return Search(items, max_nodes).run(capacity);
}

}  // namespace synfire
