#include "backends/cpu/cpu_options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "plugins/sdk/error.hpp"

namespace synfire::cpu {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// 4 cores with 2 processors each, of which this process may use the first 6.
Topology topology() { return {{0, 1, 2, 3, 4, 5}, {0, 2, 4}, std::uint64_t{1} << 30, 0}; }

CpuFeatures avx512_machine() {
  CpuFeatures features;
  features.avx2 = features.avx512 = true;
  features.brand = "Test CPU";
  return features;
}

CpuOptions parse(const Pairs& pairs, const char* environment = nullptr) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : pairs) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  const sf_options options{static_cast<std::uint32_t>(pairs.size()), 0, keys.data(), values.data()};
  return CpuOptions::parse(options, topology(), avx512_machine(), environment);
}

// The message of the INVALID_ARGUMENT that these options give.
std::string refusal(const Pairs& pairs) {
  try {
    (void)parse(pairs);
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.code(), sdk::kInvalidArgument);
    return error.what();
  }
  return "accepted";
}

TEST(CpuOptions, DefaultIsOneThreadPerUsableCore) {
  const CpuOptions options = parse({});
  EXPECT_EQ(options.threads, 3u);
  EXPECT_TRUE(options.cores.empty());
  EXPECT_EQ(options.level, SimdLevel::avx512);
}

TEST(CpuOptions, CoresSetTheThreads) {
  const CpuOptions options = parse({{"cores", "1-3,5"}});
  EXPECT_EQ(options.threads, 4u);
  EXPECT_EQ(options.cores, (std::vector<unsigned>{1, 2, 3, 5}));
}

TEST(CpuOptions, ThreadsWinOverCores) {
  EXPECT_EQ(parse({{"cores", "1,2"}, {"threads", "1"}}).threads, 1u);
  EXPECT_EQ(parse({{"threads", "256"}}).threads, 256u);
}

TEST(CpuOptions, CoreListsKeepTheirOrder) {
  EXPECT_EQ(parse_core_list("7,0-2"), (std::vector<unsigned>{7, 0, 1, 2}));
  EXPECT_EQ(parse_core_list("4-4"), (std::vector<unsigned>{4}));
}

TEST(CpuOptions, BadCoreListsAreRefused) {
  for (const char* text : {"", ",", "0,", ",0", "-", "1-", "-1", "3-1", "a", "0-b", "0 ", " 0",
                           "0;1", "1-2-3", "0x1", "1.5", "99999999999", "0-65536"})
    EXPECT_THROW((void)parse_core_list(text), sdk::Error) << '"' << text << '"';
  EXPECT_NE(refusal({{"cores", "0-2,1"}}).find("1 is there twice"), std::string::npos);
}

TEST(CpuOptions, CoresBeyondTheMachineAreRefused) {
  const std::string message = refusal({{"cores", "4-6"}});
  EXPECT_NE(message.find("cores=4-6"), std::string::npos) << message;
  EXPECT_NE(message.find("0-5"), std::string::npos) << message;
}

TEST(CpuOptions, ImpossibleThreadsAreRefused) {
  for (const char* text : {"0", "257", "-1", "two", "", "1 ", "1.0"}) {
    const std::string message = refusal({{"threads", text}});
    EXPECT_NE(message.find("threads=" + std::string(text) + ", want 1 to 256"), std::string::npos)
        << message;
  }
}

TEST(CpuOptions, UnknownKeysAreRefused) {
  const std::string message = refusal({{"thread", "1"}});
  EXPECT_NE(message.find("thread is unknown, want threads, cores or simd"), std::string::npos)
      << message;
}

TEST(CpuOptions, SimdOptionWinsOverTheEnvironment) {
  EXPECT_EQ(parse({}, "avx2").level, SimdLevel::avx2);
  EXPECT_EQ(parse({{"simd", "avx512"}}, "avx2").level, SimdLevel::avx512);
  EXPECT_EQ(parse({}, "").level, SimdLevel::avx512);
}

TEST(CpuOptions, BadSimdLevelsAreRefused) {
  EXPECT_NE(refusal({{"simd", "neon"}}).find("simd=neon, want avx2, avx512 or amx"),
            std::string::npos);
  EXPECT_THROW((void)parse({}, "neon"), sdk::Error);
  EXPECT_THROW((void)parse({{"simd", "amx"}}), sdk::Error);  // this machine lacks it
}

}  // namespace
}  // namespace synfire::cpu
