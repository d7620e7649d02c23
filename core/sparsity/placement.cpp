#include "core/sparsity/placement.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace synfire {
namespace {

// Bounds of each device's run when `count` things are shared: bounds[d] .. bounds[d + 1].
Result<std::vector<std::uint32_t>> share(std::uint32_t count, std::uint32_t n_devices,
                                         std::optional<double> split) {
  const double first = split.value_or(1.0 / n_devices);
  if (!(first >= 0 && first <= 1)) return invalid_argument("split: {}, want 0 to 1", first);
  if (n_devices == 1 && first != 1)
    return invalid_argument("split: {} on the first device, but there is no second one", first);
  std::vector<std::uint32_t> bounds{0, static_cast<std::uint32_t>(std::lround(first * count))};
  const std::uint32_t rest = count - bounds[1];
  for (std::uint32_t d = 1; d < n_devices; ++d)
    bounds.push_back(bounds[1] +
                     static_cast<std::uint32_t>(std::uint64_t{rest} * d / (n_devices - 1)));
  return bounds;
}

std::vector<std::uint32_t> range(std::uint32_t first, std::uint32_t end) {
  std::vector<std::uint32_t> groups;
  for (std::uint32_t g = first; g < end; ++g) groups.push_back(g);
  return groups;
}

LayerPlan whole_layer(const PlacementShape& shape, std::uint32_t device) {
  LayerPlan layer{device, std::vector<std::vector<std::uint32_t>>(shape.n_devices)};
  layer.groups[device] = range(0, shape.n_groups());
  return layer;
}

// share() of runs of `run` things, so that every device has at least one of them.
Result<std::vector<std::uint32_t>> share_runs(const char* what, std::uint32_t count,
                                              std::uint32_t run, std::uint32_t n_devices,
                                              std::optional<double> split) {
  const std::uint32_t n_runs = (count + run - 1) / run;
  const std::string runs = run == 1 ? "" : fmt::format(" in runs of {}", run);
  if (n_runs < n_devices)
    return invalid_argument("placement shard: {} {}{} for {} devices, want at least one for each",
                            count, what, runs, n_devices);
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<std::uint32_t> bounds, share(n_runs, n_devices, split));
  for (std::uint32_t d = 0; d < n_devices; ++d)
    if (bounds[d] == bounds[d + 1])
      return invalid_argument(
          "placement shard: split {} of {} {}{} leaves device {} of {} without any; want another "
          "split",
          split.value_or(1.0 / n_devices), count, what, runs, d, n_devices);
  for (std::uint32_t& bound : bounds) bound = std::min(bound * run, count);
  return bounds;
}

Placement empty_placement(const PlacementShape& shape) {
  Placement placement;
  placement.group_size = shape.group_size;
  return placement;
}

}  // namespace

Placement place_single(const PlacementShape& shape) {
  Placement placement = empty_placement(shape);
  placement.layers.assign(shape.n_layers, whole_layer(shape, 0));
  return placement;
}

Result<Placement> place_layers(const PlacementShape& shape, std::optional<double> split) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto bounds, share(shape.n_layers, shape.n_devices, split));
  Placement placement = empty_placement(shape);
  for (std::uint32_t d = 0; d < shape.n_devices; ++d)
    for (std::uint32_t layer = bounds[d]; layer < bounds[d + 1]; ++layer)
      placement.layers.push_back(whole_layer(shape, d));
  placement.embedding = placement.layers.front().attention;
  placement.head = placement.layers.back().attention;
  return placement;
}

Result<Placement> place_neurons(const PlacementShape& shape, std::optional<double> split) {
  SYNFIRE_ASSIGN_OR_RETURN(const auto bounds, share(shape.n_groups(), shape.n_devices, split));
  LayerPlan layer;
  for (std::uint32_t d = 0; d < shape.n_devices; ++d)
    layer.groups.push_back(range(bounds[d], bounds[d + 1]));
  Placement placement = empty_placement(shape);
  placement.layers.assign(shape.n_layers, layer);
  return placement;
}

Result<Placement> place_shards(const PlacementShape& shape, std::optional<double> split) {
  const std::uint32_t n = shape.n_devices;
  SYNFIRE_ASSIGN_OR_RETURN(auto heads,
                           share_runs("KV heads", shape.n_kv_heads, shape.kv_run, n, split));
  SYNFIRE_ASSIGN_OR_RETURN(const auto groups, share_runs("groups of neurons", shape.n_groups(),
                                                         shape.group_run, n, split));
  SYNFIRE_ASSIGN_OR_RETURN(auto vocab, share_runs("vocabulary rows", shape.n_vocab, 1, n, split));
  if (n == 1) return place_single(shape);
  LayerPlan layer;
  for (std::uint32_t d = 0; d < n; ++d) layer.groups.push_back(range(groups[d], groups[d + 1]));
  Placement placement = empty_placement(shape);
  placement.layers.assign(shape.n_layers, layer);
  placement.shards = Shards{std::move(heads), std::move(vocab)};
  return placement;
}

Result<Placement> place_by_plan(const PlacementShape& shape,
                                const std::vector<PlannedGroups>& plan) {
  constexpr std::uint32_t kNobody = UINT32_MAX;
  std::vector<std::vector<std::uint32_t>> owners(
      shape.n_layers, std::vector<std::uint32_t>(shape.n_groups(), kNobody));
  for (const PlannedGroups& entry : plan) {
    if (entry.layer >= shape.n_layers)
      return invalid_argument("plan: layer {}, the model has {}", entry.layer, shape.n_layers);
    if (entry.device >= shape.n_devices)
      return invalid_argument("plan: device {}, the engine has {}", entry.device, shape.n_devices);
    if (entry.first > entry.last || entry.last >= shape.n_groups())
      return invalid_argument("plan: layer {}: groups {} to {}, want a range within 0 to {}",
                              entry.layer, entry.first, entry.last, shape.n_groups() - 1);
    for (std::uint32_t g = entry.first; g <= entry.last; ++g) {
      std::uint32_t& owner = owners[entry.layer][g];
      if (owner != kNobody)
        return invalid_argument("plan: layer {}: group {} is placed twice", entry.layer, g);
      owner = entry.device;
    }
  }
  Placement placement = empty_placement(shape);
  for (std::uint32_t layer = 0; layer < shape.n_layers; ++layer) {
    LayerPlan& made = placement.layers.emplace_back();
    made.groups.resize(shape.n_devices);
    for (std::uint32_t g = 0; g < shape.n_groups(); ++g) {
      if (owners[layer][g] == kNobody)
        return invalid_argument("plan: layer {}: group {} is nowhere", layer, g);
      made.groups[owners[layer][g]].push_back(g);
    }
  }
  return placement;
}

}  // namespace synfire
