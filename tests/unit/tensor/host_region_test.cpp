#include "core/tensor/host_region.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

static_assert(!std::is_copy_constructible_v<HostRegion> && !std::is_copy_assignable_v<HostRegion>);

HostRegion allocate(std::size_t bytes) {
  auto region = HostRegion::allocate(bytes);
  EXPECT_TRUE(region.ok()) << region.status().to_string();
  return *std::move(region);
}

TEST(HostRegion, IsZeroedAlignedAndWritable) {
  const HostRegion region = allocate(10000);
  ASSERT_EQ(region.bytes(), 10000U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region.data()) % 4096, 0U);
  EXPECT_THAT(std::span(region.data(), region.bytes()), testing::Each(std::byte{0}));
  region.data()[9999] = std::byte{7};
  EXPECT_EQ(region.data()[9999], std::byte{7});
}

TEST(HostRegion, OfNoBytesIsEmpty) {
  EXPECT_EQ(HostRegion().data(), nullptr);
  const HostRegion none = allocate(0);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(none.bytes(), 0U);
}

TEST(HostRegion, MovingHandsTheMemoryOver) {
  HostRegion from = allocate(64);
  std::byte* const data = from.data();
  HostRegion to(std::move(from));
  EXPECT_EQ(to.data(), data);
  EXPECT_EQ(to.bytes(), 64U);
  EXPECT_EQ(from.data(), nullptr);  // NOLINT: what is left is what this is about
  HostRegion other = allocate(32);
  other = std::move(to);
  EXPECT_EQ(other.data(), data);
  EXPECT_EQ(other.bytes(), 64U);
  data[63] = std::byte{1};  // still mapped
}

TEST(HostRegion, MoreThanThereIsIsAnError) {
  const auto region = HostRegion::allocate(std::numeric_limits<std::size_t>::max() / 2);
  ASSERT_FALSE(region.ok());
  EXPECT_EQ(region.status().code(), StatusCode::resource_exhausted);
  EXPECT_EQ(region.status().message(), "host memory: no 9223372036854775807 bytes to be had");
}

TEST(HostRegion, TheSystemSaysWhatItCouldGive) {
  const std::size_t bytes = available_host_memory();
  EXPECT_GT(bytes, std::size_t{1} << 20);
  EXPECT_LT(bytes, std::size_t{1} << 50);
  EXPECT_EQ(bytes % 1024, 0U);
}

}  // namespace
}  // namespace synfire
