// How long a message takes from one thread's actor to another's: from before try_send() to within
// receive(). Medians are what counts on a machine that does other things too.
//
// busy/S: both threads spin S microseconds before they sleep, and the next message comes at once.
// idle: the receiver sleeps in the kernel when the message comes.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/actor/actor_handle.hpp"
#include "core/actor/thread_executor.hpp"

namespace synfire {
namespace {

using std::chrono::microseconds;

// About as large as a step's message: ids, a shape, a buffer's place.
struct Ball {
  TimePoint sent;
  std::size_t left;
  std::uint64_t ids[8];
};

struct Table {
  ActorRef<Ball> sides[2];
  std::vector<double> one_way_us;  // written by side 1 only
  std::promise<void> over;
  Duration pause{};
};

class Player final : public Actor<Ball> {
 public:
  Player(Table* table, int side) : table_(*table), side_(side) {}

  void receive(Ball&& ball) override {
    if (side_ == 1) note(ball);
    if (ball.left == 0) return table_.over.set_value();
    --ball.left;
    if (table_.pause == Duration::zero()) return serve(table_, 1 - side_, ball);
    executor().run_at(now() + table_.pause,
                      [this, ball]() mutable { serve(table_, 1 - side_, ball); });
  }

  static void serve(Table& table, int to, Ball& ball) {
    ball.sent = std::chrono::steady_clock::now();
    if (table.sides[to].try_send(std::move(ball)) != SendResult::ok) table.over.set_value();
  }

 private:
  void note(const Ball& ball) {
    const std::chrono::duration<double, std::micro> took = now() - ball.sent;
    table_.one_way_us.push_back(took.count());
  }

  Table& table_;
  int side_;
};

std::shared_ptr<ThreadExecutor> executor_with(Duration spin) {
  ThreadExecutorOptions options;
  options.spin = spin;
  auto started = ThreadExecutor::start(std::move(options));
  return started.ok() ? *started : nullptr;
}

double quantile(std::vector<double>& values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * (values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void hand_off(benchmark::State& state, Duration spin, Duration pause, std::size_t balls) {
  Table table;  // outlives the threads
  table.pause = pause;
  const auto left = executor_with(spin);
  const auto right = executor_with(spin);
  if (!left || !right) return state.SkipWithError("no threads");
  const auto first = spawn(left, std::make_unique<Player>(&table, 0));
  const auto second = spawn(right, std::make_unique<Player>(&table, 1));
  table.sides[0] = first.ref();
  table.sides[1] = second.ref();
  for (auto _ : state) {
    table.over = {};
    Ball ball{{}, balls, {}};
    Player::serve(table, 0, ball);
    table.over.get_future().get();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * (balls + 1)));
  state.counters["median_us"] = quantile(table.one_way_us, 0.5);
  state.counters["p99_us"] = quantile(table.one_way_us, 0.99);
}

void busy(benchmark::State& state) {
  hand_off(state, microseconds(state.range(0)), Duration::zero(), 2001);
}
BENCHMARK(busy)->Arg(50)->Arg(500)->UseRealTime()->Unit(benchmark::kMillisecond);

void idle(benchmark::State& state) { hand_off(state, Duration::zero(), microseconds(500), 201); }
BENCHMARK(idle)->UseRealTime()->Unit(benchmark::kMillisecond);

// What the two locks and the ring cost, no thread crossed.
void mailbox_only(benchmark::State& state) {
  Mailbox<Ball> box(4);
  for (auto _ : state) {
    benchmark::DoNotOptimize(box.try_send(Ball{}));
    benchmark::DoNotOptimize(box.take());
  }
}
BENCHMARK(mailbox_only);

}  // namespace
}  // namespace synfire

BENCHMARK_MAIN();
