#include "backends/cpu/cpu_options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "plugins/sdk/error.hpp"

namespace synfire::cpu {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// A node of 4 cores with 2 processors each, of which this process may use the first 6.
Topology one_node() {
  Topology made;
  made.processing_units = {0, 1, 2, 3, 4, 5};
  made.physical_cores = {0, 2, 4};
  made.nodes = {{0, made.processing_units, made.physical_cores, 3, std::uint64_t{1} << 30}};
  return made;
}

// And one with two cores more.
Topology two_nodes() {
  Topology made = one_node();
  made.nodes.push_back({1, {8, 9}, {8, 9}, 2, std::uint64_t{1} << 30});
  return made;
}

CpuFeatures avx512_machine() {
  CpuFeatures features;
  features.avx2 = features.avx512 = true;
  features.brand = "Test CPU";
  return features;
}

CpuOptions parse(const Pairs& pairs, const char* environment = nullptr,
                 const Topology& topology = one_node(), std::size_t node = 0) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : pairs) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  const sf_options options{static_cast<std::uint32_t>(pairs.size()), 0, keys.data(), values.data()};
  return CpuOptions::parse(options, topology, node, avx512_machine(), environment);
}

// The message of the INVALID_ARGUMENT that these options give.
std::string refusal(const Pairs& pairs, const Topology& topology = one_node(),
                    std::size_t node = 0) {
  try {
    (void)parse(pairs, nullptr, topology, node);
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.code(), sdk::kInvalidArgument);
    return error.what();
  }
  return "accepted";
}

TEST(CpuOptions, DefaultIsOneThreadPerUsableCore) {
  const CpuOptions options = parse({});
  EXPECT_EQ(options.threads, 3u);
  EXPECT_EQ(options.homes.processors, (std::vector<unsigned>{0, 2, 4}));
  EXPECT_TRUE(options.homes.one_each);
  EXPECT_TRUE(options.homes_if_shared.processors.empty());
  EXPECT_EQ(options.level, SimdLevel::avx512);
}

TEST(CpuOptions, CoresSetTheThreads) {
  const CpuOptions options = parse({{"cores", "1-3,5"}});
  EXPECT_EQ(options.threads, 4u);
  EXPECT_EQ(options.homes.processors, (std::vector<unsigned>{1, 2, 3, 5}));
  EXPECT_TRUE(options.homes.one_each);
  EXPECT_EQ(options.homes_if_shared.processors, options.homes.processors);
}

TEST(CpuOptions, OtherNumbersOfThreadsRunAnywhere) {
  EXPECT_TRUE(parse({{"threads", "2"}}).homes.processors.empty());
  EXPECT_TRUE(parse({{"threads", "4"}}).homes.processors.empty());
  EXPECT_EQ(parse({{"threads", "3"}}).homes.processors.size(), 3u);
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

TEST(CpuOptions, OneOfSeveralNodesKeepsItsThreads) {
  const CpuOptions second = parse({}, nullptr, two_nodes(), 1);
  EXPECT_EQ(second.node, 1u);
  EXPECT_EQ(second.threads, 2u);
  EXPECT_EQ(second.homes.processors, (std::vector<unsigned>{8, 9}));
  EXPECT_TRUE(second.homes.one_each);
  const CpuOptions one = parse({{"threads", "1"}}, nullptr, two_nodes(), 1);
  EXPECT_EQ(one.homes.processors, (std::vector<unsigned>{8, 9}));
  EXPECT_FALSE(one.homes.one_each);
  EXPECT_EQ(parse({{"cores", "9"}}, nullptr, two_nodes(), 1).threads, 1u);
}

TEST(CpuOptions, CoresOfAnotherNodeAreRefused) {
  const std::string message = refusal({{"cores", "0,8"}}, two_nodes(), 1);
  EXPECT_NE(message.find("cores=0,8, want some of the device's processors 8-9"), std::string::npos)
      << message;
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
  EXPECT_NE(message.find("thread is unknown, want threads, cores, simd or throttle"),
            std::string::npos)
      << message;
}

TEST(CpuOptions, ThrottleIsAShareOfTheTime) {
  EXPECT_EQ(parse({}).throttle, 1);
  EXPECT_EQ(parse({{"throttle", "0.25"}}).throttle, 0.25);
  for (const char* text : {"0", "0.009", "1.1", "-1", "nan", "half", "0.5x", ""}) {
    const std::string message = refusal({{"throttle", text}});
    EXPECT_NE(message.find("throttle=" + std::string(text) + ", want a share of its speed"),
              std::string::npos)
        << message;
  }
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
