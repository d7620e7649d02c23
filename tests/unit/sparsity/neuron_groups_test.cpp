#include "core/sparsity/neuron_groups.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

// Neurons 0, 2, 4, 6 fire for even tokens, 1, 3, 5, 7 for odd ones.
LayerActivity in_turns() {
  LayerActivity activity(8, 100);
  for (std::uint32_t neuron = 0; neuron < 8; ++neuron)
    for (std::uint32_t t = neuron % 2; t < 100; t += 2) activity.set(neuron, t);
  return activity;
}

TEST(NeuronGroups, HoldWhatFiresTogether) {
  const NeuronOrder order = cluster_neurons(in_turns(), 4);
  EXPECT_THAT(NeuronOrder(order.begin(), order.begin() + 4),
              testing::UnorderedElementsAre(0, 2, 4, 6));
  EXPECT_THAT(NeuronOrder(order.begin() + 4, order.end()),
              testing::UnorderedElementsAre(1, 3, 5, 7));
}

TEST(NeuronGroups, ComeHottestFirstAndHaveEveryNeuronOnce) {
  LayerActivity activity(50, 64);
  for (std::uint32_t neuron = 0; neuron < 50; ++neuron)
    for (std::uint32_t t = 0; t < neuron; ++t) activity.set(neuron, t);
  NeuronOrder order = cluster_neurons(activity, 16);  // the last group is short
  EXPECT_EQ(order.front(), 49U);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, neurons_as_numbered(50));
}

TEST(NeuronGroups, AreCountedByToken) {
  const auto counts = count_active(in_turns(), neurons_as_numbered(8), 3);
  ASSERT_EQ(counts.size(), 300U);
  EXPECT_EQ(counts[0], 2);    // 0 and 2 of 0, 1, 2
  EXPECT_EQ(counts[1], 1);    // 1
  EXPECT_EQ(counts[200], 1);  // 6 of 6, 7
}

TEST(LayerActivity, CountsTokensPastAWord) {
  const LayerActivity activity = in_turns();
  EXPECT_EQ(activity.count(0), 50U);
  EXPECT_EQ(activity.together(0, 2), 50U);
  EXPECT_EQ(activity.together(0, 1), 0U);
  EXPECT_TRUE(activity.fired(1, 99));
}

}  // namespace
}  // namespace synfire
