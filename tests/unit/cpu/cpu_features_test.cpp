#include "backends/cpu/cpu_features.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <utility>

#include "backends/cpu/simd_level.hpp"
#include "plugins/sdk/error.hpp"

namespace synfire::cpu {
namespace {

constexpr std::uint64_t kYmmState = 0x7;
constexpr std::uint64_t kZmmState = 0xe7;
constexpr std::uint64_t kTileState = 0x600e7;

// A processor that tests put together.
struct FakeCpu {
  std::map<std::pair<std::uint32_t, std::uint32_t>, CpuidWords> leaves;

  FakeCpu& with(std::uint32_t leaf, std::uint32_t subleaf, CpuidWords words) {
    leaves[{leaf, subleaf}] = words;
    return *this;
  }
  [[nodiscard]] CpuFeatures features(std::uint64_t xcr0) const {
    return parse_features(
        [this](std::uint32_t leaf, std::uint32_t subleaf) {
          const auto found = leaves.find({leaf, subleaf});
          return found == leaves.end() ? CpuidWords{} : found->second;
        },
        xcr0);
  }
};

constexpr std::uint32_t kLeaf1 = 1u << 12 | 1u << 29 | 1u << 25 | 1u << 1 | 1u << 27;
constexpr std::uint32_t kHaswell = 1u << 3 | 1u << 5 | 1u << 8;
constexpr std::uint32_t kAvx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;

FakeCpu haswell() {
  return FakeCpu()
      .with(0, 0, {7, 0, 0, 0})
      .with(1, 0, {0, 0, kLeaf1, 0})
      .with(7, 0, {0, kHaswell, 0, 0});
}
FakeCpu ice_lake() { return haswell().with(7, 0, {1, kHaswell | kAvx512, 1u << 11, 0}); }
FakeCpu sapphire_rapids() {
  return haswell()
      .with(7, 0, {1, kHaswell | kAvx512, 1u << 11, 1u << 22 | 1u << 24 | 1u << 25})
      .with(7, 1, {1u << 4 | 1u << 5, 0, 0, 0})
      .with(0, 0, {0x20, 0, 0, 0})
      .with(0x1d, 0, {1, 0, 0, 0})
      .with(0x1d, 1, {1024u << 16 | 8192, 8u << 16 | 64, 16, 0});
}

TEST(CpuFeatures, HaswellHasAvx2Only) {
  const CpuFeatures found = haswell().features(kYmmState);
  EXPECT_TRUE(found.avx2);
  EXPECT_FALSE(found.avx_vnni);
  EXPECT_FALSE(found.avx512);
  EXPECT_FALSE(found.amx);
}

TEST(CpuFeatures, EachMissingBitOfAvx2Matters) {
  for (const unsigned bit : {1u, 12u, 25u, 29u})
    EXPECT_FALSE(haswell().with(1, 0, {0, 0, kLeaf1 & ~(1u << bit), 0}).features(kYmmState).avx2)
        << "leaf 1 ecx bit " << bit;
  for (const unsigned bit : {3u, 5u, 8u})
    EXPECT_FALSE(haswell().with(7, 0, {0, kHaswell & ~(1u << bit), 0, 0}).features(kYmmState).avx2)
        << "leaf 7 ebx bit " << bit;
}

TEST(CpuFeatures, EachMissingBitOfAvx512Matters) {
  EXPECT_TRUE(ice_lake().features(kZmmState).avx512);
  for (const unsigned bit : {16u, 17u, 28u, 30u, 31u})
    EXPECT_FALSE(ice_lake()
                     .with(7, 0, {0, (kHaswell | kAvx512) & ~(1u << bit), 1u << 11, 0})
                     .features(kZmmState)
                     .avx512)
        << "leaf 7 ebx bit " << bit;
  EXPECT_FALSE(ice_lake().with(7, 0, {0, kHaswell | kAvx512, 0, 0}).features(kZmmState).avx512);
}

TEST(CpuFeatures, RegistersThatTheSystemDoesNotSaveDoNotCount) {
  EXPECT_FALSE(sapphire_rapids().features(0).avx2);
  EXPECT_TRUE(sapphire_rapids().features(kYmmState).avx2);
  EXPECT_FALSE(sapphire_rapids().features(kYmmState).avx512);
  EXPECT_TRUE(sapphire_rapids().features(kZmmState).avx512);
  EXPECT_FALSE(sapphire_rapids().features(kZmmState).amx);
  EXPECT_TRUE(sapphire_rapids().features(kTileState).amx);
}

TEST(CpuFeatures, EachMissingBitOfAmxMatters) {
  constexpr std::uint32_t kAmx = 1u << 22 | 1u << 24 | 1u << 25;
  for (const unsigned bit : {22u, 24u, 25u})
    EXPECT_FALSE(sapphire_rapids()
                     .with(7, 0, {1, kHaswell | kAvx512, 1u << 11, kAmx & ~(1u << bit)})
                     .features(kTileState)
                     .amx)
        << "leaf 7 edx bit " << bit;
  for (const std::uint64_t state : {1u << 17, 1u << 18})
    EXPECT_FALSE(sapphire_rapids().features(kTileState & ~state).amx);
}

TEST(CpuFeatures, TilesOfAnotherShapeDoNotCount) {
  const auto amx = [](CpuidWords palettes, CpuidWords first) {
    return sapphire_rapids().with(0x1d, 0, palettes).with(0x1d, 1, first).features(kTileState).amx;
  };
  EXPECT_TRUE(amx({2, 0, 0, 0}, {1024u << 16 | 8192, 8u << 16 | 64, 16, 0}));
  EXPECT_FALSE(amx({0, 0, 0, 0}, {1024u << 16 | 8192, 8u << 16 | 64, 16, 0}));
  EXPECT_FALSE(amx({1, 0, 0, 0}, {512u << 16 | 4096, 8u << 16 | 64, 16, 0}));
  EXPECT_FALSE(amx({1, 0, 0, 0}, {1024u << 16 | 8192, 4u << 16 | 64, 16, 0}));
  EXPECT_FALSE(amx({1, 0, 0, 0}, {1024u << 16 | 8192, 8u << 16 | 64, 8, 0}));
}

TEST(CpuFeatures, SubleafOneIsReadOnlyWhereItExists) {
  EXPECT_TRUE(sapphire_rapids().features(kZmmState).avx_vnni);
  EXPECT_TRUE(sapphire_rapids().features(kZmmState).avx512_bf16);
  FakeCpu without = sapphire_rapids();
  without.leaves[{7, 0}].eax = 0;
  EXPECT_FALSE(without.features(kZmmState).avx_vnni);
}

TEST(CpuFeatures, OldProcessorHasNothing) {
  const CpuFeatures found = FakeCpu().with(0, 0, {4, 0, 0, 0}).features(kZmmState);
  EXPECT_FALSE(found.avx2);
  EXPECT_EQ(found.brand, "x86-64 processor");
}

TEST(CpuFeatures, BrandIsTrimmed) {
  FakeCpu cpu = haswell();
  cpu.with(0x80000000u, 0, {0x80000004u, 0, 0, 0});
  const char text[48] = "   Some Processor @ 3 GHz    ";
  for (std::uint32_t i = 0; i < 3; ++i) {
    CpuidWords words;
    std::memcpy(&words, text + 16 * i, sizeof words);
    cpu.with(0x80000002u + i, 0, words);
  }
  EXPECT_EQ(cpu.features(kYmmState).brand, "Some Processor @ 3 GHz");
}

TEST(CpuFeatures, TheMachineThatTestsHasABrand) { EXPECT_FALSE(machine_features().brand.empty()); }

TEST(SimdLevel, NamesGoBothWays) {
  for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512, SimdLevel::amx})
    EXPECT_EQ(parse_level(level_name(level)), level);
  EXPECT_FALSE(parse_level("sse"));
  EXPECT_FALSE(parse_level(""));
  EXPECT_FALSE(parse_level("AVX2"));
}

TEST(SimdLevel, TheBestOneIsTheDefault) {
  EXPECT_EQ(choose_level(haswell().features(kZmmState), "", ""), SimdLevel::avx2);
  EXPECT_EQ(choose_level(ice_lake().features(kZmmState), "", ""), SimdLevel::avx512);
  EXPECT_EQ(choose_level(sapphire_rapids().features(kTileState), "", ""), SimdLevel::amx);
}

TEST(SimdLevel, ForcedLevelsWinOrFail) {
  const CpuFeatures spr = sapphire_rapids().features(kTileState);
  EXPECT_EQ(choose_level(spr, "avx2", "simd"), SimdLevel::avx2);
  EXPECT_EQ(choose_level(spr, "amx", "simd"), SimdLevel::amx);
  try {
    (void)choose_level(haswell().features(kYmmState), "avx512", "SYNFIRE_SIMD");
    FAIL() << "avx512 on Haswell";
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.code(), sdk::kFailedPrecondition);
    EXPECT_NE(std::string(error.what()).find("SYNFIRE_SIMD=avx512"), std::string::npos);
  }
  EXPECT_THROW((void)choose_level(spr, "sse", "SYNFIRE_SIMD"), sdk::Error);
}

TEST(SimdLevel, TilesThatTheSystemRefusesAreNotTaken) {
  CpuFeatures spr = sapphire_rapids().features(kTileState);
  spr.amx = false;
  spr.tiles_refused = "arch_prctl: Operation not permitted";
  EXPECT_EQ(choose_level(spr, "", ""), SimdLevel::avx512);
  try {
    (void)choose_level(spr, "amx", "SYNFIRE_SIMD");
    FAIL() << "amx without tiles";
  } catch (const sdk::Error& error) {
    EXPECT_STREQ(error.what(),
                 "cpu: SYNFIRE_SIMD=amx, but the system refuses tiles: arch_prctl: Operation not "
                 "permitted");
  }
}

TEST(SimdLevel, WithoutAvx2ThereIsAClearError) {
  try {
    (void)choose_level(FakeCpu().features(0), "", "");
    FAIL() << "no AVX2, yet a level";
  } catch (const sdk::Error& error) {
    EXPECT_NE(std::string(error.what()).find("lacks AVX2"), std::string::npos);
  }
}

}  // namespace
}  // namespace synfire::cpu
