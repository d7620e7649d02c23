#include "core/runtime/stage_cutter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synfire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Devices, values of width 4, and ops that do nothing but read and write them.
class StageCutterTest : public testing::Test {
 protected:
  StageCutterTest() { plan_.devices.resize(3); }

  ValueId value() { return cutter_.add_value({SF_VALUE_ROWS, 4}); }
  // An op on `device`; its value.
  ValueId op(std::uint32_t device, std::vector<ValueId> inputs) {
    const ValueId made = value();
    cutter_.add_op(
        {device, SF_OP_ADD, std::move(inputs), {made}, {}, SF_NONE, false, sf_no_params{}});
    return made;
  }
  const std::vector<StageSpec>& stages(std::uint32_t device) {
    return plan_.devices[device].stages;
  }
  std::vector<std::uint32_t> ids(std::uint32_t device, std::size_t stage) {
    std::vector<std::uint32_t> all;
    for (const StageOp& made : stages(device)[stage].ops) all.push_back(made.id);
    return all;
  }

  ExecutionPlan plan_ = with_devices();
  StageCutter cutter_{plan_, {}};

 private:
  static ExecutionPlan with_devices() {
    ExecutionPlan plan;
    plan.devices.resize(3);
    return plan;
  }
};

TEST_F(StageCutterTest, OneDeviceGoesOnInOneStage) {
  cutter_.set_label("first");
  const ValueId a = op(0, {});
  cutter_.set_label("second");  // names only stages that begin from now on
  const ValueId b = op(0, {a, a});
  op(0, {b, kNone});
  ASSERT_EQ(stages(0).size(), 1U);
  EXPECT_EQ(stages(0)[0].name, "first");
  EXPECT_THAT(plan_.channels, IsEmpty());
  EXPECT_THAT(stages(0)[0].ops[1].inputs, ElementsAre(0, 0));
  EXPECT_THAT(stages(0)[0].ops[2].inputs, ElementsAre(1, SF_NONE));
  EXPECT_THAT(stages(1), IsEmpty());
}

TEST_F(StageCutterTest, AValueThatLeavesIsCopiedRightAfterItsOp) {
  const ValueId a = op(0, {});
  op(0, {a});  // the stage goes on
  op(1, {a});
  EXPECT_THAT(ids(0, 0), ElementsAre(SF_OP_ADD, SF_OP_COPY, SF_OP_ADD));
  EXPECT_THAT(ids(1, 0), ElementsAre(SF_OP_COPY, SF_OP_ADD));
  ASSERT_EQ(plan_.channels.size(), 1U);
  const Channel& channel = plan_.channels[0];
  EXPECT_EQ(channel.from.device, 0U);
  EXPECT_EQ(channel.value.width, 4U);
  ASSERT_EQ(channel.to.size(), 1U);
  EXPECT_EQ(channel.to[0].device, 1U);
  // The port is the copy's own value, on both sides.
  EXPECT_THAT(stages(0)[0].outputs, ElementsAre(stages(0)[0].ops[1].outputs[0]));
  EXPECT_THAT(stages(1)[0].inputs, ElementsAre(stages(1)[0].ops[0].inputs[0]));
  EXPECT_THAT(stages(1)[0].ops[1].inputs, ElementsAre(stages(1)[0].ops[0].outputs[0]));
}

// So that backends may run the ops around it as one.
TEST_F(StageCutterTest, AValueForTheHostIsCopiedAfterTheOpsSoFar) {
  const ValueId a = op(0, {});
  op(0, {a});
  EXPECT_EQ(cutter_.export_value(a), 0U);
  op(0, {a});
  EXPECT_THAT(ids(0, 0), ElementsAre(SF_OP_ADD, SF_OP_ADD, SF_OP_COPY, SF_OP_ADD));
  op(1, {a});  // takes the same channel
  ASSERT_EQ(plan_.channels.size(), 1U);
  EXPECT_EQ(plan_.channels[0].to.size(), 1U);
}

TEST_F(StageCutterTest, AValueReadByManyHasOneChannel) {
  const ValueId a = op(0, {});
  op(1, {a});
  op(1, {a});  // already there
  op(2, {a});
  ASSERT_EQ(plan_.channels.size(), 1U);
  EXPECT_EQ(plan_.channels[0].to.size(), 2U);
  EXPECT_EQ(stages(1).size(), 1U);
  EXPECT_THAT(ids(0, 0), ElementsAre(SF_OP_ADD, SF_OP_COPY));
}

TEST_F(StageCutterTest, WaitingBeginsANewStage) {
  const ValueId a = op(0, {});
  const ValueId b = op(1, {a});
  op(0, {b});
  ASSERT_EQ(stages(0).size(), 2U);
  EXPECT_THAT(stages(0)[1].inputs, ElementsAre(0));
  EXPECT_EQ(stages(1).size(), 1U);
}

TEST_F(StageCutterTest, AStageThatDidNothingButReceiveNeedNotEnd) {
  const ValueId a = op(0, {});
  const ValueId b = op(2, {});
  cutter_.gather(1, {a});
  op(1, {a, b});
  ASSERT_EQ(stages(1).size(), 1U);
  EXPECT_EQ(stages(1)[0].inputs.size(), 2U);
}

TEST_F(StageCutterTest, GatheredValuesAreOneCut) {
  const ValueId a = op(1, {});
  const ValueId b = op(2, {});
  const ValueId c = op(0, {});
  cutter_.gather(0, {a, b, c});
  const ValueId sum = op(0, {c, a});
  op(0, {sum, b});
  ASSERT_EQ(stages(0).size(), 2U);
  EXPECT_EQ(stages(0)[1].inputs.size(), 3U);  // c too comes from another stage
}

TEST_F(StageCutterTest, AnEarlierStageOfTheSameDeviceIsReadByAChannel) {
  const ValueId a = op(0, {});
  const ValueId b = op(1, {a});
  op(0, {b});
  op(0, {a});  // of stage 0, now in stage 1
  ASSERT_EQ(stages(0).size(), 2U);
  ASSERT_EQ(plan_.channels.size(), 2U);
  EXPECT_EQ(plan_.channels[0].to.size(), 2U);  // a: to device 1, and to its own device
  EXPECT_EQ(plan_.channels[0].to[1].device, 0U);
  EXPECT_EQ(plan_.channels[0].to[1].stage, 1U);
}

TEST_F(StageCutterTest, TheHostReadsWhatIsExported) {
  const ValueId a = op(0, {});
  EXPECT_EQ(cutter_.export_value(a), 0U);
  EXPECT_EQ(cutter_.export_value(a), 0U);  // the same channel
  ASSERT_EQ(plan_.channels.size(), 1U);
  EXPECT_THAT(plan_.channels[0].to, IsEmpty());
  EXPECT_EQ(stages(0)[0].outputs.size(), 1U);
}

}  // namespace
}  // namespace synfire
