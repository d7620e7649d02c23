#include "core/sparsity/placement.hpp"

#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Groups = std::vector<std::uint32_t>;

constexpr PlacementShape kShape{3, 100, 16, 2};  // 7 groups, the last of 4 neurons

PlacementShape with_devices(std::uint32_t n) {
  PlacementShape shape = kShape;
  shape.n_devices = n;
  return shape;
}

// How many groups each device has of every layer; "" where layers differ.
std::string shares(const Placement& placement) {
  std::string all;
  for (const LayerPlan& layer : placement.layers) {
    std::string text;
    for (const Groups& groups : layer.groups)
      text += fmt::format("{}{}", text.empty() ? "" : " ", groups.size());
    if (!all.empty() && text != all) return "";
    all = text;
  }
  return all;
}

std::string neuron_shares(std::uint32_t devices, std::optional<double> split) {
  const auto placement = place_neurons(with_devices(devices), split);
  return placement.ok() ? shares(*placement) : placement.status().message();
}

// The device of each layer, where it has all of it.
Groups layer_devices(const Placement& placement) {
  Groups devices;
  for (const LayerPlan& layer : placement.layers) {
    EXPECT_THAT(layer.groups[layer.attention], ElementsAre(0, 1, 2, 3, 4, 5, 6));
    devices.push_back(layer.attention);
  }
  return devices;
}

TEST(PlacementShape, TheLastGroupMayBeShort) {
  EXPECT_EQ(kShape.n_groups(), 7U);
  EXPECT_EQ((PlacementShape{1, 96, 16, 1}.n_groups()), 6U);
  EXPECT_EQ((PlacementShape{1, 1, 16, 1}.n_groups()), 1U);
}

TEST(Placement, SingleIsAllOnTheFirst) {
  const Placement placement = place_single(with_devices(1));
  EXPECT_EQ(placement.epoch, 1U);
  EXPECT_EQ(placement.group_size, 16U);
  EXPECT_THAT(layer_devices(placement), ElementsAre(0, 0, 0));
  EXPECT_EQ(placement.embedding + placement.head, 0U);
}

TEST(Placement, NeuronsAreSharedByTheSplitRounded) {
  EXPECT_EQ(neuron_shares(2, std::nullopt), "4 3");  // 3.5 rounds away from zero
  EXPECT_EQ(neuron_shares(2, 0.0), "0 7");
  EXPECT_EQ(neuron_shares(2, 1.0), "7 0");
  EXPECT_EQ(neuron_shares(2, 0.07), "0 7");  // 0.49
  EXPECT_EQ(neuron_shares(2, 0.08), "1 6");  // 0.56
  EXPECT_EQ(neuron_shares(2, 0.95), "7 0");  // 6.65
  EXPECT_EQ(neuron_shares(1, std::nullopt), "7");
  EXPECT_EQ(neuron_shares(1, 1.0), "7");
}

TEST(Placement, TheRestIsSharedEqually) {
  EXPECT_EQ(neuron_shares(3, std::nullopt), "2 2 3");
  EXPECT_EQ(neuron_shares(3, 0.0), "0 3 4");
  EXPECT_EQ(neuron_shares(3, 0.5), "4 1 2");
  EXPECT_EQ(neuron_shares(4, 1.0), "7 0 0 0");
  EXPECT_EQ(neuron_shares(9, 0.0), "0 0 1 1 1 1 1 1 1");
}

TEST(Placement, NeuronGroupsAreRunsThatCoverTheLayer) {
  const auto placement = place_neurons(with_devices(3), 0.3);
  ASSERT_TRUE(placement.ok());
  ASSERT_EQ(placement->layers.size(), 3U);
  for (const LayerPlan& layer : placement->layers) {
    EXPECT_EQ(layer.attention, 0U);
    EXPECT_THAT(layer.groups, ElementsAre(Groups{0, 1}, Groups{2, 3}, Groups{4, 5, 6}));
  }
}

TEST(Placement, WholeLayersInRuns) {
  const auto devices = [](std::uint32_t n, std::optional<double> split) {
    const auto placement = place_layers(with_devices(n), split);
    EXPECT_TRUE(placement.ok()) << placement.status().to_string();
    EXPECT_EQ(placement->embedding, placement->layers.front().attention);
    EXPECT_EQ(placement->head, placement->layers.back().attention);
    return layer_devices(*placement);
  };
  EXPECT_THAT(devices(2, std::nullopt), ElementsAre(0, 0, 1));
  EXPECT_THAT(devices(2, 0.0), ElementsAre(1, 1, 1));
  EXPECT_THAT(devices(2, 1.0), ElementsAre(0, 0, 0));
  EXPECT_THAT(devices(2, 0.2), ElementsAre(0, 1, 1));
  EXPECT_THAT(devices(3, std::nullopt), ElementsAre(0, 1, 2));
  EXPECT_THAT(devices(5, 0.0), ElementsAre(2, 3, 4));  // more devices than layers
}

TEST(Placement, SplitsThatCannotBe) {
  EXPECT_EQ(neuron_shares(2, -0.1), "split: -0.1, want 0 to 1");
  EXPECT_EQ(neuron_shares(2, 1.5), "split: 1.5, want 0 to 1");
  EXPECT_EQ(neuron_shares(2, std::nan("")), "split: nan, want 0 to 1");
  EXPECT_EQ(neuron_shares(2, std::numeric_limits<double>::infinity()), "split: inf, want 0 to 1");
  EXPECT_EQ(neuron_shares(1, 0.5), "split: 0.5 on the first device, but there is no second one");
  EXPECT_EQ(place_layers(with_devices(2), 2.0).status().message(), "split: 2, want 0 to 1");
  EXPECT_EQ(place_layers(with_devices(2), 2.0).status().code(), StatusCode::invalid_argument);
}

TEST(PlacementByPlan, GroupsGoWhereThePlanSays) {
  const auto placement =
      place_by_plan(kShape, {{2, 0, 0, 6}, {0, 1, 2, 5}, {0, 0, 6, 6}, {0, 0, 0, 1}, {1, 1, 0, 6}});
  ASSERT_TRUE(placement.ok()) << placement.status().to_string();
  EXPECT_EQ(placement->group_size, 16U);
  EXPECT_THAT(placement->layers[0].groups, ElementsAre(Groups{0, 1, 6}, Groups{2, 3, 4, 5}));
  EXPECT_THAT(placement->layers[1].groups, ElementsAre(IsEmpty(), Groups{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_THAT(placement->layers[2].groups, ElementsAre(Groups{0, 1, 2, 3, 4, 5, 6}, IsEmpty()));
  for (const LayerPlan& layer : placement->layers) EXPECT_EQ(layer.attention, 0U);
}

TEST(PlacementByPlan, EachGroupExactlyOnceOrAnErrorThatNamesIt) {
  const auto refusal = [](const std::vector<PlannedGroups>& plan) {
    const auto placement = place_by_plan(kShape, plan);
    EXPECT_EQ(placement.status().code(), StatusCode::invalid_argument);
    return placement.status().message();
  };
  EXPECT_EQ(refusal({{3, 0, 0, 6}}), "plan: layer 3, the model has 3");
  EXPECT_EQ(refusal({{0, 2, 0, 6}}), "plan: device 2, the engine has 2");
  EXPECT_EQ(refusal({{0, 0, 0, 7}}), "plan: layer 0: groups 0 to 7, want a range within 0 to 6");
  EXPECT_EQ(refusal({{1, 0, 4, 3}}), "plan: layer 1: groups 4 to 3, want a range within 0 to 6");
  EXPECT_EQ(refusal({{0, 0, 0, UINT32_MAX}}),
            "plan: layer 0: groups 0 to 4294967295, want a range within 0 to 6");
  EXPECT_EQ(refusal({{0, 0, 0, 6}, {0, 1, 3, 3}}), "plan: layer 0: group 3 is placed twice");
  EXPECT_EQ(refusal({{0, 0, 0, 6}, {1, 0, 0, 2}, {1, 1, 4, 6}, {2, 0, 0, 6}}),
            "plan: layer 1: group 3 is nowhere");
  EXPECT_EQ(refusal({}), "plan: layer 0: group 0 is nowhere");
}

// 4 KV heads in 3 layers of 7 groups, 100 words.
PlacementShape shard_shape(std::uint32_t n_devices) {
  PlacementShape shape = with_devices(n_devices);
  shape.n_kv_heads = 4;
  shape.n_vocab = 100;
  return shape;
}

std::string shard_refusal(const PlacementShape& shape, std::optional<double> split) {
  const auto placement = place_shards(shape, split);
  EXPECT_EQ(placement.status().code(), StatusCode::invalid_argument);
  return placement.status().message();
}

TEST(Placement, ShardsHavePartsOfEverything) {
  const auto placement = place_shards(shard_shape(2), {});
  ASSERT_TRUE(placement.ok()) << placement.status().to_string();
  ASSERT_TRUE(placement->shards);
  EXPECT_THAT(placement->shards->kv_heads, ElementsAre(0, 2, 4));
  EXPECT_THAT(placement->shards->vocab, ElementsAre(0, 50, 100));
  ASSERT_EQ(placement->layers.size(), 3U);
  for (const LayerPlan& layer : placement->layers)
    EXPECT_THAT(layer.groups, ElementsAre(Groups{0, 1, 2, 3}, Groups{4, 5, 6}));
  EXPECT_EQ(placement->embedding, 0U);
  const auto uneven = place_shards(shard_shape(3), 0.3);
  ASSERT_TRUE(uneven.ok());
  EXPECT_THAT(uneven->shards->kv_heads, ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(uneven->shards->vocab, ElementsAre(0, 30, 65, 100));
}

TEST(Placement, ShardsKeepRunsWhole) {
  PlacementShape shape = shard_shape(2);
  shape.kv_run = 2;
  shape.group_run = 3;  // the last run is short
  const auto placement = place_shards(shape, 0.7);
  ASSERT_TRUE(placement.ok()) << placement.status().to_string();
  EXPECT_THAT(placement->shards->kv_heads, ElementsAre(0, 2, 4));
  EXPECT_THAT(placement->layers[0].groups, ElementsAre(Groups{0, 1, 2, 3, 4, 5}, Groups{6}));
  shape.kv_run = 4;
  EXPECT_EQ(shard_refusal(shape, {}),
            "placement shard: 4 KV heads in runs of 4 for 2 devices, want at least one for each");
}

TEST(Placement, ShardsOnOneDeviceAreSingle) {
  const auto placement = place_shards(shard_shape(1), {});
  ASSERT_TRUE(placement.ok());
  EXPECT_FALSE(placement->shards);
  EXPECT_THAT(layer_devices(*placement), ElementsAre(0, 0, 0));
}

TEST(Placement, ShardsThatCannotBe) {
  EXPECT_EQ(shard_refusal(shard_shape(5), {}),
            "placement shard: 4 KV heads for 5 devices, want at least one for each");
  EXPECT_EQ(shard_refusal(shard_shape(2), 0.1),
            "placement shard: split 0.1 of 4 KV heads leaves device 0 of 2 without any; want "
            "another split");
  EXPECT_EQ(shard_refusal(shard_shape(2), 1.0),
            "placement shard: split 1 of 4 KV heads leaves device 1 of 2 without any; want "
            "another split");
  EXPECT_EQ(shard_refusal(shard_shape(2), 1.5), "split: 1.5, want 0 to 1");
  PlacementShape shape = shard_shape(3);
  shape.d_ff = 20;
  EXPECT_EQ(shard_refusal(shape, {}),
            "placement shard: 2 groups of neurons for 3 devices, want at least one for each");
}

}  // namespace
}  // namespace synfire
