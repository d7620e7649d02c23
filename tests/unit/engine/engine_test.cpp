#include "core/engine/engine.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/golden.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/paths.hpp"

namespace synfire {
namespace {

using test::RecordingSink;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr const char* kStories = "stories260K/stories260K-f32.gguf";
constexpr const char* kArcee = "arcee/arcee-random-f32.gguf";

std::unique_ptr<Engine> make(const EngineConfig& config) {
  auto engine = Engine::make(config);
  EXPECT_TRUE(engine.ok()) << engine.status().to_string();
  return engine.ok() ? *std::move(engine) : nullptr;
}

std::shared_ptr<RecordingSink> start(Engine& engine, GenerateRequest request) {
  auto sink = std::make_shared<RecordingSink>();
  const auto id = engine.submit(std::move(request), sink);
  EXPECT_TRUE(id.ok()) << id.status().to_string();
  return sink;
}

Status refusal(Engine& engine, GenerateRequest request) {
  const auto sink = std::make_shared<RecordingSink>();
  const auto id = engine.submit(std::move(request), sink);
  EXPECT_EQ(sink->ends(), 0);
  return id.status();
}

TEST(Engine, GreedyTokensAreTheReferences) {
  const auto golden = Golden::open(test::data_file("stories260K/stories260K.golden.gguf"));
  ASSERT_TRUE(golden.ok());
  const auto engine = make(test::engine_config(kStories, "cpu:0"));
  for (const GoldenPrompt& prompt : golden->prompts()) {
    const auto n = static_cast<std::uint32_t>(prompt.greedy.size());
    const auto sink = start(*engine, test::greedy({prompt.tokens.begin(), prompt.tokens.end()}, n));
    const FinishEvent end = sink->wait();
    EXPECT_EQ(end.reason, FinishReason::length);
    EXPECT_THAT(sink->ids(), ElementsAreArray(prompt.greedy));
    EXPECT_EQ(end.usage.prompt_tokens, prompt.tokens.size());
    EXPECT_EQ(end.usage.completion_tokens, n);
  }
}

TEST(Engine, TheContextsEndIsReasonLength) {
  EngineConfig config = test::engine_config(kStories, "cpu:0");
  config.context = 12;
  const auto engine = make(config);
  const auto sink = start(*engine, test::greedy({1, 403, 407}, 1000));
  EXPECT_EQ(sink->wait().reason, FinishReason::length);
  EXPECT_EQ(sink->ids().size(), 9U);
}

// Holds the engine's thread at its first token until it is let go.
class HoldingSink final : public RequestSink {
 public:
  void on_token(const TokenEvent& token) override {
    held_ = true;
    held_.notify_all();
    released_.wait(false);
    inner.on_token(token);
  }
  void on_finish(const FinishEvent& finish) override { inner.on_finish(finish); }
  void wait_until_held() const { held_.wait(false); }
  void release() {
    released_ = true;
    released_.notify_all();
  }

  RecordingSink inner;

 private:
  std::atomic<bool> held_ = false, released_ = false;
};

TEST(Engine, RequestsTogetherGiveWhatTheyGiveAlone) {
  constexpr std::int32_t kRequests = 12;
  for (const char* devices : {"cpu:0", "cpu:0,async:0"}) {
    EngineConfig config = test::engine_config(kStories, devices);
    config.max_sequences = 9;  // and three that wait
    config.prefill_chunk = 16;
    const auto engine = make(config);
    // Prompts of 2 to 35 tokens: whole ones, and slices, beside what others generate.
    const auto request = [](std::int32_t i) {
      std::vector<std::int32_t> prompt{1};
      for (std::int32_t t = 0; t <= 3 * i; ++t) prompt.push_back(300 + (7 * i + t) % 200);
      return test::greedy(prompt, 20);
    };
    std::vector<std::vector<std::int32_t>> alone;
    for (std::int32_t i = 0; i < kRequests; ++i) {
      const auto sink = start(*engine, request(i));
      sink->wait();
      alone.push_back(sink->ids());
    }
    const std::uint64_t steps_alone = engine->stats().steps;
    const auto door = std::make_shared<HoldingSink>();  // behind which they gather
    ASSERT_TRUE(engine->submit(test::greedy({1}, 1), door).ok());
    door->wait_until_held();
    std::vector<std::shared_ptr<RecordingSink>> sinks;
    for (std::int32_t i = 0; i < kRequests; ++i) sinks.push_back(start(*engine, request(i)));
    door->release();
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      sinks[i]->wait();
      EXPECT_THAT(sinks[i]->ids(), ElementsAreArray(alone[i])) << devices << " " << i;
    }
    EXPECT_EQ(engine->stats().requests_finished, 2U * kRequests + 1);
    EXPECT_LT(engine->stats().steps - steps_alone, steps_alone / 3);  // they shared steps
  }
}

TEST(Engine, SameSeedSameText) {
  const auto engine = make(test::engine_config(kStories, "cpu:0"));
  const auto sample = [&](std::uint64_t seed) {
    GenerateRequest request = test::greedy({1, 403, 407}, 60);
    request.sampling.temperature = 1;
    request.sampling.seed = seed;
    const auto sink = start(*engine, request);
    sink->wait();
    return sink->text();
  };
  EXPECT_EQ(sample(7), sample(7));
  EXPECT_NE(sample(7), sample(8));
}

TEST(Engine, StopStringEndsTheTextBeforeIt) {
  const auto engine = make(test::engine_config(kStories, "cpu:0"));
  const auto whole = start(*engine, test::greedy({1, 403, 407}, 60));
  whole->wait();
  GenerateRequest request = test::greedy({1, 403, 407}, 60);
  const std::string text = whole->text();
  ASSERT_GT(text.size(), 20U);
  request.stop = {text.substr(10, 6)};
  const auto stopped = start(*engine, request);
  EXPECT_EQ(stopped->wait().reason, FinishReason::stop);
  EXPECT_EQ(stopped->text(), text.substr(0, text.find(request.stop[0])));
}

TEST(Engine, LogprobsAreOfTheChosenToken) {
  const auto engine = make(test::engine_config(kStories, "cpu:0"));
  GenerateRequest request = test::greedy({1, 403, 407}, 5);
  request.logprobs = true;
  request.top_logprobs = 3;
  const auto sink = start(*engine, request);
  sink->wait();
  for (const TokenEvent& token : sink->tokens()) {
    ASSERT_EQ(token.top.size(), 3U);
    EXPECT_EQ(token.top[0].first, token.id);
    EXPECT_DOUBLE_EQ(token.top[0].second, token.logprob);
    EXPECT_LT(token.logprob, 0);
  }
}

TEST(Engine, BadRequestsNameTheField) {
  EngineConfig config = test::engine_config(kStories, "reference:0");
  config.context = 8;
  const auto engine = make(config);
  EXPECT_THAT(refusal(*engine, test::greedy({}, 1)).message(), HasSubstr("prompt: empty"));
  EXPECT_EQ(refusal(*engine, test::greedy(std::vector<std::int32_t>(9, 1), 1)).message(),
            "prompt: 9 tokens, the context is 8");
  EXPECT_EQ(refusal(*engine, test::greedy({1, 512}, 1)).message(),
            "prompt.token_ids[1]: 512, want 0 to 511");
  EXPECT_EQ(refusal(*engine, test::greedy({-1}, 1)).message(),
            "prompt.token_ids[0]: -1, want 0 to 511");
  EXPECT_EQ(refusal(*engine, test::greedy({1}, 0)).message(), "max_tokens: 0, want at least 1");
  GenerateRequest cold = test::greedy({1}, 1);
  cold.sampling.temperature = -1;
  EXPECT_THAT(refusal(*engine, cold).message(), HasSubstr("temperature: -1"));
  EXPECT_EQ(engine->stats().requests_running + engine->stats().requests_waiting, 0U);
}

TEST(Engine, AFullQueueRefuses) {
  EngineConfig config = test::engine_config(kStories, "cpu:0");
  config.max_sequences = 1;
  config.queue = 1;
  const auto engine = make(config);
  const auto first = std::make_shared<HoldingSink>();
  ASSERT_TRUE(engine->submit(test::greedy({1}, 2), first).ok());
  first->wait_until_held();
  const auto second = start(*engine, test::greedy({1}, 1));
  const Status third = refusal(*engine, test::greedy({1}, 1));
  first->release();
  EXPECT_EQ(third.code(), StatusCode::resource_exhausted) << third.to_string();
  EXPECT_EQ(first->inner.wait().reason, FinishReason::length);
  EXPECT_EQ(second->wait().reason, FinishReason::length);
}

TEST(Engine, ACancelThatOvertakesItsRequestCounts) {
  const auto engine = make(test::engine_config(kStories, "cpu:0"));
  const auto first = std::make_shared<HoldingSink>();
  ASSERT_TRUE(engine->submit(test::greedy({1}, 2), first).ok());
  first->wait_until_held();
  // Both wait to be read now, and cancels are read first.
  const auto second = std::make_shared<RecordingSink>();
  const auto id = engine->submit(test::greedy({1}, 400), second);
  ASSERT_TRUE(id.ok());
  engine->cancel(*id);
  first->release();
  EXPECT_EQ(second->wait().reason, FinishReason::cancelled);
  EXPECT_TRUE(second->ids().empty());
  EXPECT_EQ(start(*engine, test::greedy({1}, 3))->wait().reason, FinishReason::length);
}

// Cancels its own request after some tokens, on the engine's thread: the next step is the last that
// may end.
class CancellingSink final : public RequestSink {
 public:
  explicit CancellingSink(std::size_t after) : after_(after) {}
  void arm(Engine& engine, RequestId id) {
    engine_ = &engine;
    id_ = id;
  }
  void on_token(const TokenEvent& token) override {
    inner.on_token(token);
    while (id_ == 0) std::this_thread::yield();  // submit() has not returned yet
    if (++seen_ == after_) engine_.load()->cancel(id_);
  }
  void on_finish(const FinishEvent& finish) override { inner.on_finish(finish); }

  RecordingSink inner;

 private:
  std::size_t after_, seen_ = 0;
  std::atomic<Engine*> engine_ = nullptr;
  std::atomic<RequestId> id_ = 0;
};

TEST(Engine, CancelStopsWithinOneStep) {
  const auto engine = make(test::engine_config(kStories, "cpu:0"));
  const auto sink = std::make_shared<CancellingSink>(3);
  const auto id = engine->submit(test::greedy({1}, 400), sink);
  ASSERT_TRUE(id.ok());
  sink->arm(*engine, *id);
  const FinishEvent end = sink->inner.wait();
  EXPECT_EQ(end.reason, FinishReason::cancelled);
  EXPECT_EQ(end.status.code(), StatusCode::cancelled);
  EXPECT_LE(sink->inner.ids().size(), 4U);
}

TEST(Engine, ShutdownEndsWhatRunsOnce) {
  auto engine = make(test::engine_config(kStories, "cpu:0"));
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (int i = 0; i < 6; ++i) sinks.push_back(start(*engine, test::greedy({1}, 500)));
  sinks.front()->wait_for_tokens(2);
  engine.reset();
  for (const auto& sink : sinks) {
    const FinishEvent end = sink->wait();
    EXPECT_EQ(end.status.code(), StatusCode::cancelled) << end.status.to_string();
    EXPECT_EQ(end.reason, FinishReason::cancelled);
    EXPECT_EQ(sink->ends(), 1);
  }
}

TEST(Engine, DrainFinishesWhatRunsAndRefusesTheRest) {
  const auto engine = make(test::engine_config(kStories, "cpu:0"));
  const auto sink = start(*engine, test::greedy({1}, 50));
  EXPECT_TRUE(engine->drain(std::chrono::minutes(5)));
  EXPECT_EQ(sink->wait().reason, FinishReason::length);
  EXPECT_EQ(refusal(*engine, test::greedy({1}, 1)).code(), StatusCode::unavailable);
}

TEST(Engine, BothHalvesOfASplitRunAtTheSameTime) {
  EngineConfig config = test::engine_config(kArcee, "rendezvous:0,rendezvous:1");
  config.placement = PlacementKind::neuron;
  config.split = 0.5;
  const auto engine = make(config);
  const auto sink = start(*engine, test::greedy({1, 2, 3}, 10));
  const FinishEvent end = sink->wait();
  EXPECT_TRUE(end.status.ok()) << end.status.to_string();
  EXPECT_EQ(sink->ids().size(), 10U);
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.steps, 10U);
  EXPECT_EQ(stats.forks, 10U * 2);  // one per step and layer
  EXPECT_EQ(stats.joins, 10U * 2);
}

TEST(Engine, ShardsRunAtTheSameTime) {
  EngineConfig config =
      test::engine_config(kArcee, "rendezvous:0[attention=1],rendezvous:1[attention=1]");
  config.placement = PlacementKind::shard;
  const auto engine = make(config);
  const auto sink = start(*engine, test::greedy({1, 2, 3}, 5));
  const FinishEvent end = sink->wait();
  EXPECT_TRUE(end.status.ok()) << end.status.to_string();
  EXPECT_EQ(sink->ids().size(), 5U);
}

TEST(Engine, ShardsJoinTwicePerLayer) {
  EngineConfig config = test::engine_config(kArcee, "cpu:0[cores=0],cpu:0[cores=1]");
  config.placement = PlacementKind::shard;
  const auto engine = make(config);
  const PlacementInfo placement = engine->placement();
  EXPECT_EQ(placement.kind, "shard");
  EXPECT_EQ(placement.layers[0].attention_device, "cpu:0[cores=0]+cpu:0[cores=1]");
  EXPECT_THAT(placement.notes, testing::Contains(HasSubstr("shard: KV heads ")));
  start(*engine, test::greedy({1, 2, 3}, 10))->wait();
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.steps, 10U);
  EXPECT_EQ(stats.forks, 10U);                // the embedding
  EXPECT_EQ(stats.joins, 10U * (2 * 2 + 1));  // attention and FFN of two layers, the logits
  // Each keeps its own heads of the cache, and its own part of the weights.
  const std::vector<DeviceStatus> devices = engine->devices();
  const auto whole = make(test::engine_config(kArcee, "cpu:0"))->devices().front();
  EXPECT_EQ(devices[0].kv_bytes + devices[1].kv_bytes, whole.kv_bytes);
  EXPECT_LT(devices[0].weight_bytes, whole.weight_bytes);
}

TEST(Engine, OneDeviceNeedsNoFork) {
  const auto engine = make(test::engine_config(kArcee, "cpu:0"));
  start(*engine, test::greedy({1, 2, 3}, 3))->wait();
  EXPECT_EQ(engine->stats().forks, 0U);
}

TEST(Engine, PluginsPredictionEqualsExact) {
  for (const char* devices : {"cpu:0", "cpu:0,async:0", "async:0,reference:0"}) {
    EngineConfig config = test::engine_config(kArcee, devices);
    config.predictor = "exact";
    const auto exact = make(config);
    config.predictor = "oracle";  // scores each neuron by its own gate
    const auto predicted = make(config);
    EXPECT_EQ(predicted->placement().predictor, "oracle");
    const std::vector<std::int32_t> tokens{1, 5, 9, 200, 300, 17, 4};
    const auto want = exact->logits(tokens);
    const auto got = predicted->logits(tokens);
    ASSERT_TRUE(want.ok() && got.ok()) << got.status().to_string();
    for (std::size_t i = 0; i < want->size(); ++i)
      ASSERT_NEAR((*got)[i], (*want)[i], 1e-4) << devices << " " << i;
  }
}

TEST(Engine, PluginsPredictionEqualsExactInShards) {
  EngineConfig config = test::engine_config(kArcee, "cpu:0");
  config.predictor = "exact";
  config.kv_dtype = "f32";  // which devices do not round in ways of their own
  const std::vector<std::int32_t> tokens{1, 5, 9, 200, 300, 17, 4};
  const auto want = make(config)->logits(tokens);
  config = test::engine_config(kArcee, "cpu:0,async:0");
  config.placement = PlacementKind::shard;
  config.predictor = "oracle";
  config.kv_dtype = "f32";
  const auto engine = make(config);
  const auto got = engine->logits(tokens);
  ASSERT_TRUE(want.ok() && got.ok()) << got.status().to_string();
  for (std::size_t i = 0; i < want->size(); ++i) ASSERT_NEAR((*got)[i], (*want)[i], 1e-4) << i;
  EXPECT_EQ(engine->stats().forks, engine->stats().steps * 3);  // embedding, two active lists
}

TEST(Engine, ThresholdAboveAllScoresLeavesNoNeurons) {
  EngineConfig config = test::engine_config(kArcee, "cpu:0");
  config.predictor = "oracle";
  config.predictor_threshold = 1e30;
  const auto nothing = make(config);
  config.predictor = "exact";
  config.predictor_threshold.reset();
  const auto exact = make(config);
  EXPECT_NE(*nothing->logits(std::vector<std::int32_t>{1, 5}),
            *exact->logits(std::vector<std::int32_t>{1, 5}));
}

TEST(Engine, ConfigurationsThatCannotBe) {
  const auto fails = [](const EngineConfig& config) {
    return Engine::make(config).status().message();
  };
  EngineConfig config = test::engine_config(kStories, "nosuch:0");
  EXPECT_THAT(fails(config), HasSubstr("nosuch"));
  config = test::engine_config(kStories, "cpu:7");
  EXPECT_THAT(fails(config), HasSubstr("7"));
  config = test::engine_config(kStories, "cpu:0[nonsense=1]");
  EXPECT_THAT(fails(config), HasSubstr("nonsense"));
  config = test::engine_config(kStories, "cpu:0");
  config.split = 0.5;
  config.placement = PlacementKind::neuron;
  EXPECT_THAT(fails(config), HasSubstr("split: 0.5"));
  config = test::engine_config(kStories, "cpu:0,cpu:0");
  config.split = 1.5;
  EXPECT_THAT(fails(config), HasSubstr("split: 1.5, want 0 to 1"));
  config = test::engine_config(kStories, "cpu:0,cpu:0");
  config.placement = PlacementKind::shard;
  config.split = 0.0;
  EXPECT_THAT(fails(config), HasSubstr("KV heads leaves device 0 of 2 without any"));
  config = test::engine_config(kStories, "cpu:0,cpu:0,cpu:0,cpu:0,cpu:0");
  config.placement = PlacementKind::shard;
  EXPECT_EQ(fails(config), "placement shard: 4 KV heads for 5 devices, want at least one for each");
  config = test::engine_config(kStories, "cpu:0");
  config.predictor = "exact";
  EXPECT_THAT(fails(config), HasSubstr("silu"));
  config.predictor = "nosuch";
  EXPECT_THAT(fails(config), HasSubstr("nosuch"));
  config = test::engine_config("no/such.gguf", "cpu:0");
  EXPECT_THAT(fails(config), HasSubstr("no/such.gguf"));
  config = test::engine_config(kStories, "cpu:0");
  config.context = 1U << 30;
  EXPECT_THAT(fails(config), HasSubstr("context: 1073741824, want 1 to 16777216"));
  config.context = 1U << 24;
  config.max_sequences = 1000;
  EXPECT_EQ(Engine::make(config).status().code(), StatusCode::resource_exhausted);
}

TEST(Engine, PlanFilesGroupsAreObeyed) {
  EngineConfig config = test::engine_config(kArcee, "cpu:0,reference:0");
  config.plan = {{0, 0, 0, 1}, {0, 1, 2, 7}, {1, 1, 0, 7}};
  const auto engine = make(config);
  const PlacementInfo placement = engine->placement();
  ASSERT_EQ(placement.layers.size(), 2U);
  EXPECT_EQ(placement.layers[0].neurons[0].second, 64U);
  EXPECT_EQ(placement.layers[0].neurons[1].second, 192U);
  EXPECT_EQ(placement.layers[1].neurons.size(), 1U);
  config.plan.pop_back();
  EXPECT_THAT(Engine::make(config).status().message(), HasSubstr("layer 1: group 0 is nowhere"));
}

}  // namespace
}  // namespace synfire
