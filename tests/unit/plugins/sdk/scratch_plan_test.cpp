#include "plugins/sdk/scratch_plan.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace synfire::sdk {
namespace {

struct Program {
  std::vector<std::vector<std::uint32_t>> inputs, outputs;  // by op
  std::vector<std::uint32_t> in_ports, out_ports;
  std::vector<std::size_t> sizes;           // by value
  std::vector<std::uint32_t> step_of = {};  // by op; empty: each is a step
  std::vector<std::uint32_t> copies = {};   // ops that are copies
  std::vector<std::uint32_t> lists = {};    // values that are active lists

  [[nodiscard]] ScratchPlan plan() const {
    std::vector<sf_op> ops(inputs.size());
    for (std::size_t i = 0; i < ops.size(); ++i) {
      ops[i].n_inputs = static_cast<std::uint32_t>(inputs[i].size());
      ops[i].inputs = inputs[i].data();
      ops[i].n_outputs = static_cast<std::uint32_t>(outputs[i].size());
      ops[i].outputs = outputs[i].data();
    }
    for (const std::uint32_t op : copies) ops[op].id = SF_OP_COPY;
    std::vector<sf_value_desc> values(sizes.size(), {SF_VALUE_ROWS, 1});
    for (const std::uint32_t value : lists) values[value].kind = SF_VALUE_ACTIVE;
    sf_stage_desc stage{};
    stage.values = values.data();
    stage.n_values = static_cast<std::uint32_t>(sizes.size());
    stage.n_ops = static_cast<std::uint32_t>(ops.size());
    stage.ops = ops.data();
    stage.n_inputs = static_cast<std::uint32_t>(in_ports.size());
    stage.inputs = in_ports.data();
    stage.n_outputs = static_cast<std::uint32_t>(out_ports.size());
    stage.outputs = out_ports.data();
    std::vector<std::uint32_t> steps = step_of;
    if (steps.empty())
      for (std::uint32_t op = 0; op < stage.n_ops; ++op) steps.push_back(op);
    return ScratchPlan::make(stage, sizes, steps);
  }
};

TEST(ScratchPlan, AChainNeedsTwoSlots) {
  Program chain;
  chain.sizes.assign(101, 640);
  for (std::uint32_t op = 0; op < 100; ++op) {
    chain.inputs.push_back({op});
    chain.outputs.push_back({op + 1});
  }
  chain.in_ports = {0};
  EXPECT_EQ(chain.plan().total, 2 * 640u);
}

TEST(ScratchPlan, PortsHaveNoScratch) {
  const Program copy{{{0}, {1, SF_NONE}}, {{1}, {2}}, {0}, {2}, {64, 64, 64}};
  const ScratchPlan plan = copy.plan();
  EXPECT_EQ(plan.offsets[0], ScratchPlan::kPort);
  EXPECT_NE(plan.offsets[1], ScratchPlan::kPort);
  EXPECT_EQ(plan.offsets[2], ScratchPlan::kPort);
  EXPECT_EQ(plan.total, 64u);
}

// in -> a -> b -> c; b goes out twice, and c does.
TEST(ScratchPlan, RowsThatLeaveAreMadeInTheirPort) {
  Program program{{{0}, {1}, {2}, {2}, {2}, {3}},
                  {{1}, {2}, {4}, {5}, {3}, {6}},
                  {0},
                  {4, 5, 6},
                  std::vector<std::size_t>(7, 64)};
  program.copies = {0, 2, 3, 5};
  ScratchPlan plan = program.plan();
  EXPECT_EQ(plan.homes, (std::vector<std::uint32_t>{0, 1, 4, 6, 4, 5, 6}));
  EXPECT_EQ(plan.offsets[2], ScratchPlan::kPort);
  EXPECT_EQ(plan.offsets[3], ScratchPlan::kPort);
  EXPECT_EQ(plan.total, 64U);  // only what came in
  program.lists = {2, 4, 5};
  plan = program.plan();
  EXPECT_EQ(plan.homes[2], 2U);  // lists are copied
  EXPECT_NE(plan.offsets[2], ScratchPlan::kPort);
}

// x -> a, x -> b, (a, b) -> c: what c takes over from x must not be written while others read x.
TEST(ScratchPlan, OpsOfOneStepShareNothing) {
  Program fused{{{0}, {1}, {1}, {2, 3}}, {{1}, {2}, {3}, {4}}, {0}, {}, {64, 64, 64, 64, 64}};
  EXPECT_EQ(fused.plan().offsets[4], fused.plan().offsets[1]);
  fused.step_of = {0, 1, 1, 1};
  const ScratchPlan plan = fused.plan();
  for (std::size_t value = 1; value < 4; ++value)
    EXPECT_NE(plan.offsets[4], plan.offsets[value]) << value;
}

// Random programs: two values share bytes only if one is dead before the other is written, an op's
// own operands included.
TEST(ScratchPlan, LivingValuesNeverOverlap) {
  std::mt19937 random(1);
  const auto up_to = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n)(random);
  };
  for (int round = 0; round < 200; ++round) {
    Program program;
    const std::size_t n_ops = 1 + up_to(30);
    std::vector<std::size_t> written, last;  // by value: the op that writes it, and its last use
    for (std::size_t op = 0; op < n_ops; ++op) {
      program.inputs.emplace_back();
      for (std::size_t i = up_to(2); i-- > 0 && !written.empty();) {
        const std::size_t value = up_to(written.size() - 1);
        if (written[value] == op) continue;
        program.inputs.back().push_back(static_cast<std::uint32_t>(value));
        last[value] = op;
      }
      program.outputs.emplace_back();
      for (std::size_t i = 1 + up_to(1); i-- > 0;) {
        program.outputs.back().push_back(static_cast<std::uint32_t>(written.size()));
        program.sizes.push_back(up_to(1000));
        written.push_back(op);
        last.push_back(op);
      }
    }
    const ScratchPlan plan = program.plan();
    for (std::size_t a = 0; a < written.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % 64, 0u);
      EXPECT_LE(plan.offsets[a] + program.sizes[a], plan.total);
      for (std::size_t b = 0; b < a; ++b) {
        if (last[a] < written[b] || last[b] < written[a]) continue;
        EXPECT_TRUE(plan.offsets[a] + program.sizes[a] <= plan.offsets[b] ||
                    plan.offsets[b] + program.sizes[b] <= plan.offsets[a])
            << "values " << a << " and " << b;
      }
    }
  }
}

}  // namespace
}  // namespace synfire::sdk
