#include "core/sparsity/planner/plan_improver.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

#include "core/sparsity/planner/for_layers.hpp"
#include "core/sparsity/planner/knapsack.hpp"

namespace synfire {
namespace {

// Less than that of a layer's time is lost in rounding.
constexpr double kEnough = 1e-6;
// Of a layer's tokens, that wait for each of two devices, where it is worth to balance them.
constexpr double kContended = 0.02;
// Partners that an exchange is tried with.
constexpr std::uint32_t kTries = 64;
// Groups of a layer on one device that are looked at as the first to go to another.
constexpr std::size_t kOpened = 4;
// Groups on either side that are packed anew, and how long that may take.
constexpr std::size_t kRepacked = 32, kMaxNodes = 1U << 16;
// Swaps that are looked at in a round, for each group of such a layer; and in the first round,
// where swaps that make it longer may be taken, too: fewer where cut groups will mend the rest.
constexpr std::uint32_t kSwapsPerGroup = 8, kFirstSwapsPerGroup = 96, kSwapsBeforeCuts = 32;
// How much longer, in parts of what is lost to the imbalance, at the start and at the end.
constexpr double kWarm = 0.01, kCold = 0.0002;

}  // namespace

PlanImprover::PlanImprover(const std::vector<LayerCosts>& costs, const LayerCosts::Bytes& capacity,
                           std::vector<GroupDevices> layers)
    : costs_(costs), capacity_(capacity) {
  for (std::size_t i = 0; i < costs.size(); ++i) {
    layers_.emplace_back(costs[i], std::move(layers[i]));
    for (std::size_t d = 0; d < used_.size(); ++d) used_[d] += layers_.back().memory()[d];
  }
}

double PlanImprover::seconds() const {
  double sum = 0;
  for (const LayerState& layer : layers_) sum += layer.costs().seconds(layer.devices());
  return sum;
}

std::vector<GroupDevices> PlanImprover::layers() const {
  std::vector<GroupDevices> all;
  for (const LayerState& layer : layers_) all.push_back(layer.devices());
  return all;
}

void PlanImprover::run(std::uint32_t rounds) {
  const std::uint32_t n_devices = layers_.front().costs().n_devices();
  bool better = true;
  for (std::uint32_t round = 0; round < rounds && better; ++round) {
    better = take_moves();
    for (std::uint32_t d = 0; d < n_devices; ++d) better |= exchange(d);
    for (std::uint32_t d = 0; d < n_devices; ++d) better |= repack(d);
    better |= balance(round == 0);
  }
  take_moves();
}

double PlanImprover::enough(std::uint32_t layer) const {
  return kEnough * layers_[layer].seconds();
}

bool PlanImprover::fits(const LayerState::Difference& bytes) const {
  for (std::size_t d = 0; d < bytes.size(); ++d)
    if (bytes[d] > 0 &&
        static_cast<std::int64_t>(used_[d]) + bytes[d] > static_cast<std::int64_t>(capacity_[d]))
      return false;
  return true;
}

void PlanImprover::account(const LayerState::Difference& bytes) {
  for (std::size_t d = 0; d < bytes.size(); ++d)
    used_[d] = static_cast<std::uint64_t>(static_cast<std::int64_t>(used_[d]) + bytes[d]);
}

// ---- Moves ----

std::vector<PlanImprover::Move> PlanImprover::find_moves() const {
  return find_each([&](std::uint32_t i, std::vector<Move>& moves) {
    const LayerState& layer = layers_[i];
    for (std::uint32_t d = 0; d < layer.costs().n_devices(); ++d) {
      for (const std::uint32_t g : some_groups(layer, d)) {
        if (layer.devices()[g] == d) continue;
        const LayerState::Change change = layer.move(g, d);
        if (change.seconds < -enough(i) && fits(change.bytes))
          moves.push_back({i, g, d, change.seconds, 0});
      }
    }
  });
}

bool PlanImprover::take(const Move& move) {
  LayerState& layer = layers_[move.layer];
  if (layer.devices()[move.group] == move.device) return false;
  const LayerState::Change change = layer.move(move.group, move.device);
  if (change.seconds >= -enough(move.layer) || !fits(change.bytes)) return false;
  layer.set(move.group, move.device);
  account(change.bytes);
  return true;
}

bool PlanImprover::take_moves() {
  constexpr int kRounds = 6;
  bool any = false;
  for (int round = 0; round < kRounds; ++round) {
    bool better = false;
    for (const Move& move : find_moves()) better |= take(move);
    if (!better) break;
    any = true;
  }
  return any;
}

// ---- Exchanges between layers, where a device is full ----

// Of a layer that is all on one device, some: the first to come to another one, or to leave for it.
std::vector<std::uint32_t> PlanImprover::some_groups(const LayerState& layer,
                                                     std::uint32_t device) const {
  const LayerCosts& costs = layer.costs();
  std::vector<std::uint32_t> groups(costs.n_groups());
  std::iota(groups.begin(), groups.end(), 0);
  if (!LayerCosts::is_single(layer.mask())) return groups;
  const bool comes = (layer.mask() >> device & 1) == 0;
  std::vector<double> worth;  // of the device's memory
  for (const std::uint32_t g : groups)
    worth.push_back((comes ? -1 : 1) * costs.mean_active(g) / static_cast<double>(costs.bytes(g)));
  const std::size_t n = std::min(groups.size(), kOpened);
  std::partial_sort(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(n), groups.end(),
                    [&](std::uint32_t a, std::uint32_t b) { return worth[a] < worth[b]; });
  groups.resize(n);
  return groups;
}

std::vector<PlanImprover::Move> PlanImprover::find_leaving(std::uint32_t device) const {
  return find_each([&](std::uint32_t i, std::vector<Move>& moves) {
    const LayerState& layer = layers_[i];
    if ((layer.mask() >> device & 1) == 0) return;
    for (const std::uint32_t g : some_groups(layer, device)) {
      if (layer.devices()[g] != device) continue;
      Move best{i, g, device, std::numeric_limits<double>::infinity(), 0};
      for (std::uint32_t d = 0; d < layer.costs().n_devices(); ++d) {
        if (d == device) continue;
        const double seconds = layer.move(g, d).seconds;
        if (seconds < best.seconds) best = {i, g, d, seconds, 0};
      }
      moves.push_back(best);
    }
  });
}

std::vector<PlanImprover::Move> PlanImprover::find_coming(std::uint32_t device) const {
  return find_each([&](std::uint32_t i, std::vector<Move>& moves) {
    const LayerState& layer = layers_[i];
    for (const std::uint32_t g : some_groups(layer, device)) {
      if (layer.devices()[g] == device) continue;
      const double seconds = layer.move(g, device).seconds;
      if (seconds < 0) moves.push_back({i, g, device, seconds, 0});
    }
  });
}

// find(layer, moves) of all layers, the best for a byte first.
template <typename Find>
std::vector<PlanImprover::Move> PlanImprover::find_each(const Find& find) const {
  std::vector<std::vector<Move>> by_layer(layers_.size());
  for_layers(costs_, [&](std::size_t i) {
    find(static_cast<std::uint32_t>(i), by_layer[i]);
    for (Move& move : by_layer[i])
      move.per_byte = move.seconds / static_cast<double>(costs_[i].bytes(move.group));
  });
  std::vector<Move> all;
  for (const auto& moves : by_layer) all.insert(all.end(), moves.begin(), moves.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const Move& a, const Move& b) { return a.per_byte < b.per_byte; });
  return all;
}

bool PlanImprover::exchange(std::uint32_t device) {
  const std::vector<Move> coming = find_coming(device);
  if (coming.empty()) return false;
  std::vector<Move> leaving = find_leaving(device);
  std::uint32_t failed = 0;
  bool any = false;
  for (const Move& in : coming) {
    const auto out = best_to_leave(leaving, in);
    if (out == leaving.end()) {
      if (++failed == kTries) break;  // what comes after brings less
      continue;
    }
    failed = 0;
    any |= try_all({*out, in});
    leaving.erase(out);
  }
  return any;
}

// Among those that cost least for a byte, since groups differ in size.
std::vector<PlanImprover::Move>::iterator PlanImprover::best_to_leave(std::vector<Move>& leaving,
                                                                      const Move& in) const {
  const auto bytes = [&](const Move& move) {
    return static_cast<std::int64_t>(costs_[move.layer].bytes(move.group));
  };
  const std::int64_t room =
      static_cast<std::int64_t>(capacity_[in.device]) - static_cast<std::int64_t>(used_[in.device]);
  const auto end =
      leaving.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(kTries, leaving.size()));
  auto best = leaving.end();
  double least = -enough(in.layer);
  for (auto out = leaving.begin(); out != end; ++out) {
    if (bytes(in) - bytes(*out) > room || out->seconds + in.seconds >= least) continue;
    least = out->seconds + in.seconds;
    best = out;
  }
  return best;
}

// Packs anew what may stay or go: the groups of the device that are worth least for a byte, and
// those elsewhere that would be worth most there. Several small ones may be worth more than a large
// one.
bool PlanImprover::repack(std::uint32_t device) {
  const std::vector<Move> coming = find_coming(device), leaving = find_leaving(device);
  if (coming.empty()) return false;
  std::vector<Move> moves;
  std::vector<KnapsackItem> items;
  std::uint64_t room = capacity_[device] - used_[device];
  const auto add = [&](const Move& move, double value) {
    moves.push_back(move);
    items.push_back({value, costs_[move.layer].bytes(move.group)});
  };
  const std::size_t n_leaving = std::min(leaving.size(), kRepacked);
  for (std::size_t i = 0; i < n_leaving; ++i) {
    add(leaving[i], std::max(leaving[i].seconds, 0.0));
    room += items.back().bytes;
  }
  for (std::size_t i = 0; i < std::min(coming.size(), kRepacked); ++i)
    add(coming[i], -coming[i].seconds);
  const std::vector<bool> there = fill_knapsack(items, room, kMaxNodes);
  std::vector<Move> taken;
  for (std::size_t i = 0; i < moves.size(); ++i)
    if (there[i] == (i >= n_leaving)) taken.push_back(moves[i]);
  return !taken.empty() && try_all(taken);
}

// Makes all moves, and undoes them where they do not help together.
bool PlanImprover::try_all(const std::vector<Move>& moves) {
  struct Old {
    std::uint32_t layer, group, device;
  };
  std::vector<Old> old;
  const LayerCosts::Bytes old_used = used_;
  double seconds = 0;
  for (const Move& move : moves) {
    LayerState& layer = layers_[move.layer];
    if (layer.devices()[move.group] == move.device) continue;
    const LayerState::Change change = layer.move(move.group, move.device);
    old.push_back({move.layer, move.group, layer.devices()[move.group]});
    layer.set(move.group, move.device);
    account(change.bytes);
    seconds += change.seconds;
  }
  bool fits_now = true;
  for (std::size_t d = 0; d < used_.size(); ++d) fits_now &= used_[d] <= capacity_[d];
  if (fits_now && seconds < -enough(moves.front().layer)) return true;
  for (auto it = old.rbegin(); it != old.rend(); ++it)
    layers_[it->layer].set(it->group, it->device);
  used_ = old_used;
  return false;
}

// ---- Swaps within a layer ----

// Groups of a layer are of about the same size, so that swaps leave the memory as it is; those that
// do not are left alone.
bool PlanImprover::balance(bool first) {
  std::atomic<bool> any{false};
  for_layers(costs_, [&](std::size_t i) {
    LayerState& layer = layers_[i];
    if (!layer.is_balanced(kContended)) return;
    LayerState swapped = layer;
    swap(static_cast<std::uint32_t>(i), first, swapped);
    if (swapped.seconds() >= layer.seconds()) return;
    layer = std::move(swapped);
    any = true;
  });
  return any;
}

// Simulated annealing in the `first` round; then only what helps.
void PlanImprover::swap(std::uint32_t index, bool first, LayerState& layer) const {
  const std::uint32_t n = layer.costs().n_groups();
  const std::uint32_t first_swaps =
      layer.costs().may_cut() ? kSwapsBeforeCuts : kFirstSwapsPerGroup;
  const std::uint32_t n_swaps = n * (first ? first_swaps : kSwapsPerGroup);
  const double lost = first ? layer.imbalance() : 0;
  double heat = kWarm * lost;
  const double cooling = std::pow(kCold / kWarm, 1.0 / n_swaps);
  std::mt19937 random(index);  // the same plan every time
  for (std::uint32_t trial = 0; trial < n_swaps; ++trial, heat *= cooling) {
    const std::uint32_t a = random() % n, b = random() % n;
    const std::uint32_t left = layer.devices()[a], right = layer.devices()[b];
    if (left == right || layer.costs().bytes(a) != layer.costs().bytes(b)) continue;
    const double longer = layer.swap_seconds(a, b);
    const double chance = static_cast<double>(random()) / static_cast<double>(random.max());
    const bool taken = first ? longer < -heat * std::log(chance) : longer < -enough(index);
    if (!taken) continue;
    layer.set(a, right);
    layer.set(b, left);
  }
}

}  // namespace synfire
