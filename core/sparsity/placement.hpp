#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.hpp"

namespace synfire {

// What a placement divides.
struct PlacementShape {
  std::uint32_t n_layers;
  std::uint32_t d_ff;        // neurons per layer
  std::uint32_t group_size;  // neurons per group; the last group may be short
  std::uint32_t n_devices;
  // For `shard`: what it divides besides, and the runs that it must not cut, so that slices of
  // matrices are whole quantization blocks.
  std::uint32_t n_kv_heads = 0, n_vocab = 0;
  std::uint32_t kv_run = 1;     // KV heads
  std::uint32_t group_run = 1;  // groups

  [[nodiscard]] std::uint32_t n_groups() const { return (d_ff + group_size - 1) / group_size; }
};

// Devices are indices into the engine's list.
struct LayerPlan {
  std::uint32_t attention = 0;                     // runs attention, keeps the layer's KV
  std::vector<std::vector<std::uint32_t>> groups;  // by device, rising
};

// What each device has of attention and of the output matrix where every device has a part of
// everything: device d has [bounds[d], bounds[d + 1]), never empty.
struct Shards {
  std::vector<std::uint32_t> kv_heads;  // with the query heads that share them, in every layer
  std::vector<std::uint32_t> vocab;     // rows of the output matrix
};

// Which device holds which groups of which layer, and which runs the rest.
struct Placement {
  std::uint64_t epoch = 1;  // rises with every change
  std::uint32_t group_size = 0;
  std::uint32_t embedding = 0;  // device of the token embeddings
  std::uint32_t head = 0;       // device of the final norm and the logits
  std::vector<LayerPlan> layers;
  std::optional<Shards> shards;  // set: `attention` and `head` say nothing, all devices do it
};

// Groups [first, last] of one layer on one device, as plan files say it.
struct PlannedGroups {
  std::uint32_t layer, device, first, last;
};

// Everything on device 0.
[[nodiscard]] Placement place_single(const PlacementShape& shape);

// Whole layers: the first `split` of them (rounded) on device 0, the rest in equal runs on the
// others; without `split` equal runs on all. INVALID_ARGUMENT for a split outside 0..1.
[[nodiscard]] Result<Placement> place_layers(const PlacementShape& shape,
                                             std::optional<double> split);

// Attention on device 0, and of each layer's groups the first `split` (rounded); the rest in equal
// runs on the others.
[[nodiscard]] Result<Placement> place_neurons(const PlacementShape& shape,
                                              std::optional<double> split);

// Every device has a part of every layer's attention and FFN and of the output matrix: the first
// device the first `split` (rounded), the others equal runs of the rest; without `split` equal runs
// on all. The embedding is on device 0. INVALID_ARGUMENT where a device would have nothing of
// something. On one device this is place_single().
[[nodiscard]] Result<Placement> place_shards(const PlacementShape& shape,
                                             std::optional<double> split);

// Attention on device 0, groups as listed: each group of each layer exactly once, or an error that
// names it.
[[nodiscard]] Result<Placement> place_by_plan(const PlacementShape& shape,
                                              const std::vector<PlannedGroups>& plan);

}  // namespace synfire
