#include "core/sparsity/planner/layer_cutter.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace synfire {
namespace {

// Of the tokens, that wait for each of two devices.
constexpr double kContended = 0.02;
// One group in so many is cut first; then twice as many, up to half of them, as long as that
// leaves at most kBetter of what is missing.
constexpr std::size_t kFirstShare = 16;
constexpr double kBetter = 0.98;
constexpr int kPasses = 8, kLastPasses = 2;  // over all neurons that may move, each time
// How much a move may cost at first, in parts of a neuron that fires once; less with each pass.
constexpr double kHeat = 0.5, kCooling = 0.5;
// So many neurons more than a device has room for, or firings more than are to be expected, make
// another one cost as much as a neuron that fires once.
constexpr double kStiffness = 50, kLuckStiffness = 50;

// The bits of x, the last one first.
std::uint32_t reversed(std::uint32_t x) {
  std::uint32_t y = 0;
  for (int i = 0; i < 32; ++i, x >>= 1) y = y << 1 | (x & 1);
  return y;
}

}  // namespace

LayerCutter::LayerCutter(const LayerCosts& costs, const GroupDevices& devices,
                         const LayerCosts::Bytes& room, double enough)
    : costs_(costs),
      devices_(devices),
      room_(room),
      enough_(enough),
      n_tokens_(costs.n_tokens()),
      loads_(costs.loads(devices)),
      gains_(std::size_t{costs.n_devices()} * loads_.size()) {
  const DeviceMask mask = LayerCosts::mask_of(devices);
  double work = 0, neurons = 0, even = 0;
  for (std::uint32_t g = 0; g < costs.n_groups(); ++g) {
    n_neurons_[devices[g]] += costs.group_neurons(g);
    neurons += costs.group_neurons(g);
    work += costs.mean_active(g);
  }
  bytes_ = static_cast<double>(costs.all_bytes()) / neurons;
  for (std::uint32_t d = 0; d < costs.n_devices(); ++d) {
    if ((mask >> d & 1) == 0) continue;
    parts_.push_back(d);
    double stream = 0;
    for (std::uint32_t g = 0; g < costs.n_groups(); ++g) stream += costs.stream(d, g);
    even += even_[d] = 1 / (stream + work * costs.seconds_per_active(d));
    unit_ = std::max(unit_, costs.seconds_per_active(d) + stream / neurons * n_tokens_);
  }
  for (double& share : even_) share /= even;
  for (std::uint32_t t = 0; t < n_tokens_; ++t) reload(t);
  order_groups();
}

// Evenly over each device's groups, however many are opened: by the bits of their places, the last
// one first.
void LayerCutter::order_groups() {
  for (const std::uint32_t d : parts_) {
    std::vector<std::uint32_t>& groups = to_open_.emplace_back();
    for (std::uint32_t g = 0; g < costs_.n_groups(); ++g)
      if (devices_[g] == d) groups.push_back(g);
    std::vector<std::uint32_t> places(groups.size());
    std::iota(places.begin(), places.end(), 0);
    std::sort(places.begin(), places.end(),
              [](std::uint32_t a, std::uint32_t b) { return reversed(a) > reversed(b); });
    for (std::uint32_t& place : places) place = groups[place];
    groups = std::move(places);
  }
}

void LayerCutter::open(std::size_t n_groups) {
  for (std::vector<std::uint32_t>& groups : to_open_)
    for (std::size_t i = 0; i < n_groups / parts_.size() && !groups.empty(); ++i) {
      open_group(groups.back());
      groups.pop_back();
    }
}

void LayerCutter::open_group(std::uint32_t group) {
  const double expected = costs_.mean_active(group) * n_tokens_ / costs_.group_neurons(group);
  for (std::uint32_t i = 0; i < costs_.group_neurons(group); ++i) {
    const auto first = static_cast<std::uint32_t>(fired_.size());
    costs_.for_tokens(group, i,
                      [&](std::uint32_t t) { fired_.push_back(static_cast<std::uint16_t>(t)); });
    const auto n_fired = static_cast<std::uint32_t>(fired_.size()) - first;
    neurons_.push_back({group, i, first, n_fired, devices_[group], n_fired - expected,
                        costs_.stream(parts_.front(), group) > 0});
  }
}

// ---- What moves bring ----

double& LayerCutter::gain(std::uint32_t from, std::uint32_t to, std::uint32_t token) {
  return gains_[(std::size_t{from} * costs_.n_devices() + to) * n_tokens_ + token];
}

double LayerCutter::longer(std::uint32_t token, std::uint32_t from, double less, std::uint32_t to,
                           double more) const {
  double before = 0, after = 0;
  for (const std::uint32_t d : parts_) {
    const double load = loads_[std::size_t{d} * n_tokens_ + token];
    before = std::max(before, load);
    after = std::max(after, d == from ? load - less : d == to ? load + more : load);
  }
  return after - before;
}

void LayerCutter::reload(std::uint32_t token) {
  for (const std::uint32_t from : parts_)
    for (const std::uint32_t to : parts_)
      if (from != to)
        gain(from, to, token) =
            longer(token, from, costs_.seconds_per_active(from), to, costs_.seconds_per_active(to));
}

double LayerCutter::move_seconds(const Neuron& neuron, std::uint32_t to) const {
  const std::uint32_t from = neuron.device;
  const std::uint16_t* const fired = fired_.data() + neuron.first;
  double sum = 0;
  if (!neuron.streams) {
    const double* const gains =
        gains_.data() + (std::size_t{from} * costs_.n_devices() + to) * n_tokens_;
    for (std::uint32_t i = 0; i < neuron.n_fired; ++i) sum += gains[fired[i]];
    return sum;
  }
  const double less = costs_.neuron_stream(from, neuron.group);
  const double more = costs_.neuron_stream(to, neuron.group);
  const double active_less = costs_.seconds_per_active(from);
  const double active_more = costs_.seconds_per_active(to);
  std::uint32_t next = 0;
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    const bool fires = next < neuron.n_fired && fired[next] == t;
    next += fires;
    sum += longer(t, from, less + (fires ? active_less : 0), to, more + (fires ? active_more : 0));
  }
  return sum;
}

void LayerCutter::move(Neuron& neuron, std::uint32_t to) {
  const std::uint32_t from = neuron.device;
  double* const left = loads_.data() + std::size_t{from} * n_tokens_;
  double* const right = loads_.data() + std::size_t{to} * n_tokens_;
  for (std::uint32_t i = neuron.first; i < neuron.first + neuron.n_fired; ++i) {
    left[fired_[i]] -= costs_.seconds_per_active(from);
    right[fired_[i]] += costs_.seconds_per_active(to);
    if (!neuron.streams) reload(fired_[i]);
  }
  for (std::uint32_t t = 0; neuron.streams && t < n_tokens_; ++t) {
    left[t] -= costs_.neuron_stream(from, neuron.group);
    right[t] += costs_.neuron_stream(to, neuron.group);
    reload(t);
  }
  const auto bytes = static_cast<double>(costs_.neuron_bytes(neuron.group));
  grown_[from] -= bytes;
  grown_[to] += bytes;
  luck_[from] -= neuron.luck;
  luck_[to] += neuron.luck;
  --n_neurons_[from];
  ++n_neurons_[to];
  neuron.device = static_cast<std::uint8_t>(to);
}

// ---- Memory and luck ----

// Both prices are of an augmented Lagrangian: higher the further a device is over what it may, and
// with each pass that it stays there. So moves that help may come before those that make up for
// them.

double LayerCutter::memory_price(std::uint32_t device) const {
  const double over = grown_[device] - static_cast<double>(room_[device]);
  return std::max(0.0, memory_prices_[device] + over * unit_ / kStiffness / bytes_ / bytes_);
}

double LayerCutter::luck_price(std::uint32_t device) const {
  return luck_prices_[device] + luck_[device] * unit_ / kLuckStiffness;
}

double LayerCutter::penalty(const Neuron& neuron, std::uint32_t to) const {
  const auto bytes = static_cast<double>(costs_.neuron_bytes(neuron.group));
  return bytes * (memory_price(to) - memory_price(neuron.device)) +
         neuron.luck * (luck_price(to) - luck_price(neuron.device));
}

// Neurons leave devices that have more than fits, those first that it costs least.
void LayerCutter::make_fit() {
  for (const std::uint32_t d : parts_) {
    const auto room = static_cast<double>(room_[d]);
    if (grown_[d] <= room) continue;
    struct Leaving {
      double seconds;
      std::uint32_t neuron, to;
    };
    std::vector<Leaving> leaving;
    for (std::uint32_t i = 0; i < neurons_.size(); ++i) {
      if (neurons_[i].device != d) continue;
      for (const std::uint32_t to : parts_)
        if (to != d)
          leaving.push_back({move_seconds(neurons_[i], to) + penalty(neurons_[i], to), i, to});
    }
    std::sort(leaving.begin(), leaving.end(),
              [](const Leaving& a, const Leaving& b) { return a.seconds < b.seconds; });
    for (const Leaving& one : leaving) {
      if (grown_[d] <= room) break;
      Neuron& neuron = neurons_[one.neuron];
      const auto bytes = static_cast<double>(costs_.neuron_bytes(neuron.group));
      const bool fits = grown_[one.to] + bytes <= static_cast<double>(room_[one.to]);
      if (neuron.device == d && fits && n_neurons_[d] > 1) move(neuron, one.to);
    }
  }
}

// ---- Search ----

// Each neuron once: it goes where it helps most. `strict`: only where there is room for it.
void LayerCutter::pass(double heat, bool strict) {
  constexpr std::size_t kStride = 7919;  // a prime: neighbours are alike
  const std::size_t n = neurons_.size(), offset = random_() % n;
  const std::size_t stride = n % kStride == 0 ? 1 : kStride;
  for (std::size_t i = 0; i < n; ++i) {
    Neuron& neuron = neurons_[(offset + i * stride) % n];
    const std::uint32_t from = neuron.device;
    if (n_neurons_[from] == 1) continue;
    const auto bytes = static_cast<double>(costs_.neuron_bytes(neuron.group));
    double least = std::numeric_limits<double>::infinity();
    std::uint32_t best = from;
    for (const std::uint32_t to : parts_) {
      if (to == from) continue;
      if (strict && grown_[to] + bytes > static_cast<double>(room_[to])) continue;
      const double seconds = move_seconds(neuron, to) + penalty(neuron, to);
      if (seconds >= least) continue;
      least = seconds;
      best = to;
    }
    if (best == from) continue;
    const double chance = (static_cast<double>(random_()) + 1) / 4294967296.0;
    const double limit = heat > 0 && least > 0 ? -heat * std::log(chance) : 0;
    if (least < limit) move(neuron, best);
  }
  for (const std::uint32_t d : parts_) {
    memory_prices_[d] = memory_price(d);
    luck_prices_[d] = luck_price(d);
  }
}

double LayerCutter::lost() const {
  double sum = 0;
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    double most = 0, even = 0;
    for (const std::uint32_t d : parts_) {
      const double load = loads_[std::size_t{d} * n_tokens_ + t];
      most = std::max(most, load);
      even += even_[d] * load;
    }
    sum += most - even;
  }
  return sum / n_tokens_;
}

// Whether some tokens wait for one device and some for another, or all for one by less than a
// group; else groups are what helps, or nothing.
bool LayerCutter::is_near_balance() const {
  std::array<std::uint32_t, kMaxPlanDevices> longest{};
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    std::uint32_t most = parts_.front();
    for (const std::uint32_t d : parts_)
      if (loads_[std::size_t{d} * n_tokens_ + t] > loads_[std::size_t{most} * n_tokens_ + t])
        most = d;
    ++longest[most];
  }
  const auto contenders = std::count_if(longest.begin(), longest.end(), [&](std::uint32_t n) {
    return n >= kContended * n_tokens_ && n > 0;
  });
  return contenders > 1 || lost() * costs_.n_groups() < costs_.seconds(devices_);
}

double LayerCutter::seconds() const {
  double sum = 0;
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    double most = 0;
    for (const std::uint32_t d : parts_)
      most = std::max(most, loads_[std::size_t{d} * n_tokens_ + t]);
    sum += most;
  }
  return sum / n_tokens_ + costs_.fork(LayerCosts::mask_of(devices_));
}

// A few neurons too many may leave at the end.
bool LayerCutter::is_done() const {
  constexpr double kFew = 8;
  return seconds() <= enough_ && std::all_of(parts_.begin(), parts_.end(), [&](std::uint32_t d) {
           return grown_[d] <= static_cast<double>(room_[d]) + kFew * bytes_;
         });
}

LayerCuts LayerCutter::run() {
  const double before = seconds();
  if (before <= enough_ || !is_near_balance()) return {};
  const std::size_t n = costs_.n_groups();
  double missing = before - enough_;
  for (std::size_t cut = std::max(n / kFirstShare, parts_.size()); !is_done(); cut *= 2) {
    open(neurons_.empty() ? cut : cut / 2);
    double heat = kHeat * unit_;
    for (int i = 0; i < kPasses && !is_done(); ++i, heat *= kCooling)
      pass(i + kLastPasses < kPasses ? heat : 0, false);
    const double last = std::exchange(missing, seconds() - enough_);
    if ((missing > 0 && missing > kBetter * last) || 2 * cut > std::max(n / 2, 2 * parts_.size()))
      break;
  }
  if (neurons_.empty()) return {};
  make_fit();
  for (int i = 0; i < kLastPasses && seconds() > enough_; ++i) pass(0, true);
  for (const std::uint32_t d : parts_)
    if (grown_[d] > static_cast<double>(room_[d])) return {};
  LayerCuts made = cuts();
  if (costs_.seconds(devices_, made) >= costs_.seconds(devices_)) return {};
  return made;
}

LayerCuts LayerCutter::cuts() const {
  std::vector<GroupDevices> by_group(costs_.n_groups());
  for (const Neuron& neuron : neurons_) by_group[neuron.group].push_back(neuron.device);
  LayerCuts cuts;
  for (std::uint32_t g = 0; g < by_group.size(); ++g)
    if (std::any_of(by_group[g].begin(), by_group[g].end(),
                    [&](std::uint8_t d) { return d != devices_[g]; }))
      cuts.push_back({g, std::move(by_group[g])});
  return cuts;
}

}  // namespace synfire
