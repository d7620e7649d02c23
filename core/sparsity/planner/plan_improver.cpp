#include "core/sparsity/planner/plan_improver.hpp"

#include <algorithm>
#include <atomic>
#include <random>

#include "core/sparsity/planner/for_layers.hpp"

namespace synfire {
namespace {

// Less than that of a layer's time is lost in rounding.
constexpr double kEnough = 1e-6;
// Of a layer's tokens, that wait for each of two devices, where it is worth to balance them.
constexpr double kContended = 0.02;
// Swaps that are looked at in a round, for each group of such a layer.
constexpr std::uint32_t kSwapsPerGroup = 8;

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
    better |= balance();
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
  std::vector<std::vector<Move>> by_layer(layers_.size());
  for_layers(costs_, [&](std::size_t i) {
    const LayerState& layer = layers_[i];
    const auto index = static_cast<std::uint32_t>(i);
    for (std::uint32_t g = 0; g < layer.costs().n_groups(); ++g) {
      for (std::uint32_t d = 0; d < layer.costs().n_devices(); ++d) {
        if (layer.devices()[g] == d) continue;
        const LayerState::Change change = layer.move(g, d);
        if (change.seconds >= -enough(index) || !fits(change.bytes)) continue;
        by_layer[i].push_back({index, g, d, change.seconds,
                               change.seconds / static_cast<double>(layer.costs().bytes(g))});
      }
    }
  });
  std::vector<Move> all;
  for (const auto& moves : by_layer) all.insert(all.end(), moves.begin(), moves.end());
  std::sort(all.begin(), all.end(),
            [](const Move& a, const Move& b) { return a.per_byte < b.per_byte; });
  return all;
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

std::vector<PlanImprover::Move> PlanImprover::find_leaving(std::uint32_t device) const {
  std::vector<Move> all;
  for (std::uint32_t i = 0; i < layers_.size(); ++i) {
    const LayerState& layer = layers_[i];
    if (LayerCosts::is_single(layer.mask())) continue;
    for (std::uint32_t g = 0; g < layer.costs().n_groups(); ++g) {
      if (layer.devices()[g] != device) continue;
      Move best{i, g, device, std::numeric_limits<double>::infinity(), 0};
      for (std::uint32_t d = 0; d < layer.costs().n_devices(); ++d) {
        if (d == device || (layer.mask() >> d & 1) == 0) continue;
        const double seconds = layer.move(g, d).seconds;
        if (seconds < best.seconds) best = {i, g, d, seconds, 0};
      }
      best.per_byte = best.seconds / static_cast<double>(layer.costs().bytes(g));
      all.push_back(best);
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Move& a, const Move& b) { return a.per_byte < b.per_byte; });
  return all;
}

std::vector<PlanImprover::Move> PlanImprover::find_coming(std::uint32_t device) const {
  std::vector<Move> all;
  for (std::uint32_t i = 0; i < layers_.size(); ++i) {
    const LayerState& layer = layers_[i];
    if (LayerCosts::is_single(layer.mask()) || (layer.mask() >> device & 1) == 0) continue;
    for (std::uint32_t g = 0; g < layer.costs().n_groups(); ++g) {
      if (layer.devices()[g] == device) continue;
      const double seconds = layer.move(g, device).seconds;
      if (seconds < 0)
        all.push_back(
            {i, g, device, seconds, seconds / static_cast<double>(layer.costs().bytes(g))});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Move& a, const Move& b) { return a.per_byte < b.per_byte; });
  return all;
}

bool PlanImprover::exchange(std::uint32_t device) {
  const std::vector<Move> coming = find_coming(device);
  if (coming.empty()) return false;
  const std::vector<Move> leaving = find_leaving(device);
  bool any = false;
  std::size_t out = 0;
  for (const Move& in : coming) {
    if (out == leaving.size() || leaving[out].seconds + in.seconds >= -enough(in.layer)) break;
    any |= exchange(leaving[out++], in);
  }
  return any;
}

// Does both, and undoes them where they do not help.
bool PlanImprover::exchange(const Move& leaving, const Move& coming) {
  LayerState& from = layers_[leaving.layer];
  LayerState& to = layers_[coming.layer];
  const std::uint32_t old_out = from.devices()[leaving.group];
  const std::uint32_t old_in = to.devices()[coming.group];
  if (old_out == leaving.device || old_in == coming.device) return false;
  const LayerCosts::Bytes old_used = used_;
  const LayerState::Change out = from.move(leaving.group, leaving.device);
  from.set(leaving.group, leaving.device);
  account(out.bytes);
  const LayerState::Change in = to.move(coming.group, coming.device);
  if (fits(in.bytes) && used_[leaving.device] <= capacity_[leaving.device] &&
      out.seconds + in.seconds < -enough(coming.layer)) {
    to.set(coming.group, coming.device);
    account(in.bytes);
    if (used_[leaving.device] <= capacity_[leaving.device]) return true;
    to.set(coming.group, old_in);
  }
  from.set(leaving.group, old_out);
  used_ = old_used;
  return false;
}

// ---- Swaps within a layer ----

// Groups of a layer are of about the same size, so that swaps leave the memory as it is; those that
// do not are left alone.
bool PlanImprover::balance() {
  std::atomic<bool> any{false};
  for_layers(costs_, [&](std::size_t i) {
    LayerState& layer = layers_[i];
    if (!layer.is_balanced(kContended)) return;
    const double least = enough(static_cast<std::uint32_t>(i));
    const std::uint32_t n = layer.costs().n_groups();
    std::mt19937 random(static_cast<std::uint32_t>(i));  // the same plan every time
    for (std::uint32_t trial = 0; trial < n * kSwapsPerGroup; ++trial) {
      const std::uint32_t a = random() % n, b = random() % n;
      const std::uint32_t left = layer.devices()[a], right = layer.devices()[b];
      if (left == right || layer.costs().bytes(a) != layer.costs().bytes(b)) continue;
      if (layer.swap_seconds(a, b) >= -least) continue;
      layer.set(a, right);
      layer.set(b, left);
      any = true;
    }
  });
  return any;
}

}  // namespace synfire
