#include "backends/cpu/affinity.hpp"

#include <sched.h>

#include <thread>

#include <gtest/gtest.h>

#include "backends/cpu/topology.hpp"

namespace synfire::cpu {
namespace {

std::vector<unsigned> allowed_here() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  std::vector<unsigned> processors;
  for (unsigned i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  return processors;
}

TEST(Affinity, EachOnItsOwnOrAllOnAny) {
  const std::vector<unsigned> all = machine_topology().processing_units;
  std::thread([&] {
    for (std::size_t member = 0; member < 2 * all.size(); ++member) {
      keep_this_thread({all, true}, member);
      EXPECT_EQ(allowed_here(), std::vector<unsigned>{all[member % all.size()]});
    }
    keep_this_thread({all, false}, 1);
    EXPECT_EQ(allowed_here(), all);
  }).join();
}

TEST(Affinity, WithoutHomesNothingChanges) {
  const std::vector<unsigned> before = allowed_here();
  keep_this_thread({}, 0);
  EXPECT_EQ(allowed_here(), before);
}

TEST(Affinity, KeptWhileItLives) {
  const std::vector<unsigned> before = allowed_here();
  {
    const KeptHere kept({{before.back()}, true});
    EXPECT_EQ(allowed_here(), std::vector<unsigned>{before.back()});
  }
  EXPECT_EQ(allowed_here(), before);
}

TEST(ProcessorClaim, OneAtATime) {
  {
    const ProcessorClaim first({0, 1});
    EXPECT_TRUE(first.held());
    EXPECT_FALSE(ProcessorClaim({1, 2}).held());
    EXPECT_TRUE(ProcessorClaim({2, 3}).held());  // the one that failed left nothing behind
  }
  EXPECT_TRUE(ProcessorClaim({1, 2}).held());
  EXPECT_FALSE(ProcessorClaim().held());
}

}  // namespace
}  // namespace synfire::cpu
