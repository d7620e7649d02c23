#include "core/base/suggest.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace synfire {
namespace {

constexpr std::array<std::string_view, 4> kWords = {"single", "layer", "neuron", "shard"};

TEST(Suggest, FindsTheNearest) {
  EXPECT_EQ(nearest("neurons", kWords), "neuron");  // an insert
  EXPECT_EQ(nearest("laer", kWords), "layer");      // a delete
  EXPECT_EQ(nearest("sharp", kWords), "shard");     // a replacement
  EXPECT_EQ(nearest("nueron", kWords), "neuron");   // a swap
}

TEST(Suggest, SaysNothingWhenNoneIsNear) {
  EXPECT_EQ(nearest("banana", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(100000, 'x'), kWords), "");
  EXPECT_EQ(did_you_mean("banana", kWords), "");
  EXPECT_EQ(did_you_mean("singel", kWords), " (did you mean 'single'?)");
}

}  // namespace
}  // namespace synfire
