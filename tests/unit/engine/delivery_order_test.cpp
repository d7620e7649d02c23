// The engine's actor and two devices on one executor that delivers in any order, while requests
// come, are cancelled, time out, and devices are lost: each request ends exactly once, nobody waits
// for ever, and what a request heard until then is what it would have heard alone.
#include <algorithm>
#include <array>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/engine/engine_actor.hpp"
#include "core/engine/generation_session.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/unit/engine/manual_devices.hpp"

namespace synfire {
namespace {

using test::ManualDevices;
using test::RecordingSink;

constexpr Duration kStepTimeout = std::chrono::milliseconds(40);
constexpr std::size_t kIdleWithin = 100'000;  // tasks

const std::array<std::vector<std::int32_t>, 4> kPrompts{
    {{1}, {3, 1, 4, 1, 5}, {2, 7, 1, 8, 2, 8, 1, 8, 2}, {10, 0}}};

struct Request {
  std::size_t prompt;
  std::uint32_t max_tokens;
  std::shared_ptr<RecordingSink> sink;
};

// An engine without threads.
class World {
 public:
  World(std::shared_ptr<const EngineAssets> assets, ManualExecutor::Choose choose)
      : assets_(std::move(assets)),
        executor_(std::make_shared<ManualExecutor>(clock_, std::move(choose))),
        devices_(assets_, executor_, events()) {
    EngineActorConfig config;
    config.step_timeout = kStepTimeout;
    config.device_ref = [this](DeviceId d) { return devices_.ref(d); };
    config.give_up = [this](DeviceId d, const Status& why) { devices_.kill(d, why); };
    config.on_change = [] {};
    config.counters = counters;
    config.assets = assets_;
    std::vector<std::string> names;
    for (const DeviceChoice& choice : assets_->devices) names.push_back(choice.name);
    ActorOptions options;
    options.name = "engine";
    options.mailbox_capacity = 16;
    options.messages_per_turn = 1;
    engine_ = spawn(
        executor_,
        std::make_unique<EngineActor>(
            std::move(config),
            LayerScheduler(assets_->plan, devices_.fabric(), assets_->placement.epoch, names),
            Batcher(assets_->limits, KvBlocks(assets_->kv.n_blocks, assets_->kv.block_tokens))),
        std::move(options));
    for (DeviceId d = 0; d < devices_.size(); ++d) devices_.start(d);
    EXPECT_TRUE(rests());  // as an engine that takes requests once its devices are there
  }
  ~World() { shut_down(); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // False: the mailbox was full, and the sink hears nothing.
  bool submit(std::size_t prompt, std::uint32_t max_tokens) {
    const auto sink = std::make_shared<RecordingSink>();
    const GenerationLimits limits{assets_->program.hparams.n_vocab, assets_->context};
    auto session = GenerationSession::make(++last_id, test::greedy(kPrompts[prompt], max_tokens),
                                           sink, nullptr, limits, clock_->now());
    EXPECT_TRUE(session.ok()) << session.status().to_string();
    ++counters->active;
    EngineMessage message = NewSession{*std::move(session)};
    if (engine_.ref().try_send(std::move(message)) != SendResult::ok) {
      std::get<NewSession>(message).session->abandon();
      --counters->active;
      return false;
    }
    requests.push_back({prompt, max_tokens, sink});
    return true;
  }
  void control(EngineControl message) { engine_.ref().send_control(std::move(message)); }
  void lose(DeviceId d) {
    // No two words of one loss are the same: equal ones that wait would count as one.
    if (devices_.alive(d)) devices_.kill(d, error(StatusCode::internal, "loss {}", ++n_losses_));
  }
  void bring_back(DeviceId d) {
    if (!devices_.alive(d) && devices_.gone(d)) devices_.start(d);
  }
  void stop(DeviceId d) { devices_.ref(d).send_control(StopDevice{}); }
  void run(std::size_t at_most) { executor_->run_until_idle(at_most); }
  void pass(Duration time) { clock_->advance(time); }
  // Whether it comes to rest without the clock's help.
  bool rests() { return executor_->run_until_idle(kIdleWithin) < kIdleWithin; }
  void shut_down() {
    engine_.reset();
    EXPECT_TRUE(rests());
  }

  const std::shared_ptr<EngineCounters> counters = std::make_shared<EngineCounters>();
  std::vector<Request> requests;
  RequestId last_id = 0;

 private:
  ManualDevices::Events events() {
    return {[this](DeviceId d, std::uint32_t generation) {
              control(DeviceUp{d, generation});
            },
            [this](StepDone done) {
              static_cast<void>(engine_.ref().try_send(EngineMessage(std::move(done))));
            },
            [this](DeviceId d, const Down& down) {
              control(DeviceDown{d, down.status});
            }};
  }

  std::shared_ptr<const EngineAssets> assets_;
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<ManualExecutor> executor_;
  ActorHandle<EngineMessage, EngineControl> engine_;
  ManualDevices devices_;
  std::uint64_t n_losses_ = 0;
};

std::shared_ptr<const EngineAssets> assets_of(const std::string& predictor) {
  return test::tiny_assets("reference:0,reference:0", [&](EngineConfig& config) {
    config.split = 0.4;
    config.predictor = predictor;
    config.prefill_chunk = 4;
    config.max_sequences = 3;
  });
}

// What each prompt gives when nobody disturbs: six tokens.
std::vector<std::vector<std::int32_t>> undisturbed(
    const std::shared_ptr<const EngineAssets>& assets) {
  std::vector<std::vector<std::int32_t>> all;
  World world(assets, ManualExecutor::oldest_first());
  for (std::size_t prompt = 0; prompt < kPrompts.size(); ++prompt) {
    EXPECT_TRUE(world.submit(prompt, 6));
    EXPECT_TRUE(world.rests());
    EXPECT_EQ(world.requests.back().sink->ends(), 1);
    all.push_back(world.requests.back().sink->ids());
    EXPECT_EQ(all.back().size(), 6U) << world.requests.back().sink->wait().status.to_string();
  }
  return all;
}

void expect_ended_once(const World& world, const std::vector<std::vector<std::int32_t>>& alone) {
  for (const Request& request : world.requests) {
    ASSERT_EQ(request.sink->ends(), 1);
    const FinishEvent end = request.sink->wait();
    const auto ids = request.sink->ids();
    const auto& want = alone[request.prompt];
    ASSERT_LE(ids.size(), std::min<std::size_t>(request.max_tokens, want.size()));
    EXPECT_TRUE(std::equal(ids.begin(), ids.end(), want.begin()));
    EXPECT_EQ(end.usage.completion_tokens, ids.size());
    if (end.reason == FinishReason::length) {
      EXPECT_EQ(ids.size(), request.max_tokens);
      EXPECT_TRUE(end.status.ok());
    } else {
      EXPECT_FALSE(end.status.ok());
    }
  }
}

enum class Trouble { none, cancels, time, losses };

struct Case {
  const char* name;
  Trouble trouble;
  const char* predictor;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// Which ways a request can end were all met over the seeds, or the test shows little.
struct Tally {
  std::size_t finished = 0, cancelled = 0, unavailable = 0, late = 0;
  void add(const World& world) {
    for (const Request& request : world.requests) {
      const StatusCode code = request.sink->wait().status.code();
      finished += code == StatusCode::ok;
      cancelled += code == StatusCode::cancelled;
      unavailable += code == StatusCode::unavailable;
      late += code == StatusCode::deadline_exceeded;
    }
  }
};

class DeliveryOrder : public testing::TestWithParam<Case> {
 protected:
  // Some turn of events.
  static void disturb(World& world, Trouble trouble, std::mt19937_64& random) {
    const auto below = [&](std::uint64_t limit) { return random() % limit; };
    if (below(3) == 0)
      world.submit(below(kPrompts.size()), 1 + static_cast<std::uint32_t>(below(6)));
    if (trouble == Trouble::none) return;
    if (below(6) == 0) world.control(CancelRequest{below(world.last_id + 2)});
    if (trouble == Trouble::cancels) return;
    if (below(2) == 0) world.pass(std::chrono::milliseconds(below(12)));
    if (below(40) == 0) world.control(StepDeadline{below(50), false});
    for (DeviceId d = 0; d < 2; ++d) world.bring_back(d);  // after a deadline
    if (trouble == Trouble::time) return;
    if (below(20) == 0) world.pass(std::chrono::seconds(1));  // nobody answers in that time
    if (below(25) == 0) world.lose(static_cast<DeviceId>(below(2)));
    if (below(60) == 0) world.stop(static_cast<DeviceId>(below(2)));
  }
};

TEST_P(DeliveryOrder, EachRequestEndsExactlyOnce) {
  const auto [name, trouble, predictor] = GetParam();
  SCOPED_TRACE(name);
  const auto assets = assets_of(predictor);
  const auto alone = undisturbed(assets);
  Tally tally;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    World world(assets, ManualExecutor::shuffled(seed));
    for (int round = 0; round < 60; ++round) {
      disturb(world, trouble, random);
      world.run(random() % 12);
    }
    ASSERT_TRUE(world.rests());
    if (seed % 2 == 0) {  // otherwise the shutdown ends what is left
      for (DeviceId d = 0; d < 2; ++d) world.bring_back(d);
      ASSERT_TRUE(world.rests());
      expect_ended_once(world, alone);
      const EngineCounters& counters = *world.counters;
      EXPECT_EQ(counters.active, 0U);
      EXPECT_EQ(counters.running, 0U);
      EXPECT_EQ(counters.finished + counters.cancelled + counters.failed, world.requests.size());
      if (trouble == Trouble::losses) {  // while it has nothing to do
        world.lose(seed % 4 / 2);
        ASSERT_TRUE(world.rests());
        world.bring_back(seed % 4 / 2);
        ASSERT_TRUE(world.rests());
      }
      // And it still serves.
      ASSERT_TRUE(world.submit(1, 6));
      ASSERT_TRUE(world.rests());
      EXPECT_EQ(world.requests.back().sink->ids(), alone[1]);
    }
    for (std::size_t i = 0; i < seed % 5; ++i) world.submit(0, 6);
    world.run(random() % 30);
    world.shut_down();
    expect_ended_once(world, alone);
    tally.add(world);
  }
  EXPECT_GT(tally.finished, 100U);
  EXPECT_GT(tally.cancelled, 0U);  // by the shutdown at least
  EXPECT_EQ(tally.late > 0, trouble == Trouble::time || trouble == Trouble::losses);
  EXPECT_EQ(tally.unavailable > 0, trouble == Trouble::losses);
}

INSTANTIATE_TEST_SUITE_P(Troubles, DeliveryOrder,
                         testing::Values(Case{"none", Trouble::none, "exact"},
                                         Case{"cancels", Trouble::cancels, "none"},
                                         Case{"time", Trouble::time, "exact"},
                                         Case{"losses", Trouble::losses, "exact"}),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace synfire
