// Properties that hold under every order in which turns are given.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/actor/actor_handle.hpp"
#include "core/actor/manual_executor.hpp"
#include "core/actor/supervisor.hpp"

namespace synfire {
namespace {

using std::chrono::milliseconds;

// A small engine: a desk takes requests, gives each to a worker, and ends it with the worker's
// answer, a cancel, the worker's end, or its deadline. Workers park each job until an event.

struct Answer {
  int request;
};
struct Job {
  int request;
};

struct DeskControl {
  enum class Kind { cancel, deadline, worker_down };
  Kind kind;
  int id;  // request, or worker
  friend bool operator==(const DeskControl&, const DeskControl&) = default;
};

enum class WorkerControl { stop };

using DeskRef = ActorRef<Answer, DeskControl>;

// Keeps one job at a time; it is done when its event, a time, has come. Some requests break it.
class Worker final : public Actor<Job, WorkerControl> {
 public:
  Worker(DeskRef desk, int break_on) : desk_(std::move(desk)), break_on_(break_on) {}

  void receive(Job&& job) override {
    if (job.request % 10 == break_on_) throw std::runtime_error("broken");
    job_ = job;
    done_at_ = now() + milliseconds(1 + job.request % 3);
  }
  void receive_control(WorkerControl&&) override { stop(error(StatusCode::cancelled, "told to")); }
  std::optional<Wait> poll() override {
    if (!job_) return std::nullopt;
    if (now() < done_at_) return Wait{done_at_};
    Answer answer{job_->request};
    if (desk_.try_send(std::move(answer)) != SendResult::ok) {
      return Wait{now() + milliseconds(1)};  // the desk is full: again later
    }
    job_.reset();
    return std::nullopt;
  }

 private:
  DeskRef desk_;
  int break_on_;
  std::optional<Job> job_;
  TimePoint done_at_{};
};

struct Ends {
  std::map<int, int> times;  // request -> how often it ended
};

class Desk final : public Actor<Answer, DeskControl> {
 public:
  using WorkerRef = ActorRef<Job, WorkerControl>;

  Desk(Ends* ends, std::vector<WorkerRef>* workers, bool deadlines)
      : ends_(*ends), workers_(*workers), deadlines_(deadlines) {}

  void open(int request) {
    const int worker = request % static_cast<int>(workers_.size());
    live_[request] = worker;
    if (deadlines_) {
      executor().run_at(now() + milliseconds(5), [to = self(), request] {
        to.send_control({DeskControl::Kind::deadline, request});
      });
    }
    Job job{request};
    if (workers_[worker].try_send(std::move(job)) != SendResult::ok) end(request);
  }

  void receive(Answer&& answer) override { end(answer.request); }
  void receive_control(DeskControl&& control) override {
    if (control.kind != DeskControl::Kind::worker_down) return end(control.id);
    for (auto at = live_.begin(); at != live_.end();) {
      const auto [request, worker] = *at++;
      if (worker == control.id) end(request);
    }
  }

 private:
  void end(int request) {
    if (live_.erase(request) > 0) ++ends_.times[request];
  }

  Ends& ends_;
  std::vector<WorkerRef>& workers_;
  const bool deadlines_;     // without them, nothing covers up for an end that is not told
  std::map<int, int> live_;  // request -> worker
};

class DeliveryOrder : public testing::TestWithParam<std::uint64_t> {};

class SmallEngine {
 public:
  explicit SmallEngine(std::uint64_t seed)
      : random_(seed),
        executor_(std::make_shared<ManualExecutor>(std::make_shared<ManualClock>(),
                                                   ManualExecutor::shuffled(seed + 1))),
        supervisor_(Supervisor::create(executor_)) {
    ActorOptions options;
    options.messages_per_turn = 1 + random_() % 3;
    options.mailbox_capacity = 2;
    auto desk = std::make_unique<Desk>(&ends_, &refs_, seed % 2 == 0);
    desk_actor_ = desk.get();
    desk_ = spawn(executor_, std::move(desk), options);
    refs_.resize(kWorkers);
    workers_.resize(kWorkers);
    for (int worker = 0; worker < kWorkers; ++worker) supervise(worker, options);
    executor_->run_until_idle();
  }

  void run(int requests) {
    for (int request = 0; request < requests; ++request) {
      desk_actor_->open(request);
      disturb(request);
      executor_->run_until_idle(random_() % 8);
      if (random_() % 4 == 0) executor_->advance(milliseconds(random_() % 3));
    }
    executor_->advance(milliseconds(100));
  }

  const Ends& ends() const { return ends_; }
  std::size_t left_over() { return executor_->ready(); }

 private:
  static constexpr int kWorkers = 3;

  void supervise(int worker, const ActorOptions& options) {
    ChildSpec spec;
    spec.name = "worker";
    spec.limit.max_restarts = 2;
    spec.start = [this, worker, options](DownListener on_down) {
      ActorOptions own = options;
      own.on_down = std::move(on_down);
      workers_[worker] = spawn(executor_, std::make_unique<Worker>(desk_.ref(), worker * 3), own);
      refs_[worker] = workers_[worker].ref();
      return Status();
    };
    spec.on_event = [this, worker](const ChildEvent& event) {
      if (event.kind != ChildEvent::Kind::down) return;
      desk_.ref().send_control({DeskControl::Kind::worker_down, worker});
    };
    supervisor_->supervise(std::move(spec));
  }

  void disturb(int request) {
    const int worker = static_cast<int>(random_() % kWorkers);
    switch (random_() % 8) {
      case 0: desk_.ref().send_control({DeskControl::Kind::cancel, request}); break;
      case 1: refs_[worker].send_control(WorkerControl::stop); break;
      case 2: workers_[worker].kill(error(StatusCode::deadline_exceeded, "stalled")); break;
      case 3: refs_[worker].wake(); break;
      default: break;
    }
  }

  std::mt19937_64 random_;
  Ends ends_;
  std::vector<ActorRef<Job, WorkerControl>> refs_;
  std::shared_ptr<ManualExecutor> executor_;
  std::shared_ptr<Supervisor> supervisor_;
  Desk* desk_actor_ = nullptr;
  ActorHandle<Answer, DeskControl> desk_;
  std::vector<ActorHandle<Job, WorkerControl>> workers_;
};

TEST_P(DeliveryOrder, EachRequestEndsExactlyOnce) {
  for (std::uint64_t seed = GetParam(); seed < GetParam() + 100; ++seed) {
    SmallEngine engine(seed);
    engine.run(40);
    for (int request = 0; request < 40; ++request) {
      const auto at = engine.ends().times.find(request);
      ASSERT_NE(at, engine.ends().times.end()) << "request " << request << ", seed " << seed;
      ASSERT_EQ(at->second, 1) << "request " << request << ", seed " << seed;
    }
    ASSERT_EQ(engine.left_over(), 0u) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DeliveryOrder, testing::Values(0, 100, 200, 300, 400));

// (sender, number) pairs; whoever reads them checks that each sender's numbers come in order.
using Numbered = std::pair<int, int>;

class Collector final : public Actor<Numbered> {
 public:
  explicit Collector(std::map<int, std::vector<int>>* seen) : seen_(*seen) {}
  void receive(Numbered&& message) override { seen_[message.first].push_back(message.second); }

 private:
  std::map<int, std::vector<int>>& seen_;
};

// Sends 0, 1, 2, ... ; tries again what is refused.
class Counter final : public Actor<int> {
 public:
  Counter(int sender, int count, ActorRef<Numbered> to)
      : sender_(sender), count_(count), to_(std::move(to)) {}
  void receive(int&&) override {}
  std::optional<Wait> poll() override {
    if (next_ == count_) return std::nullopt;
    if (to_.try_send({sender_, next_}) == SendResult::ok) ++next_;
    if (next_ == count_) return std::nullopt;
    return Wait{now()};  // as soon as the others had their turns
  }

 private:
  int sender_, count_;
  ActorRef<Numbered> to_;
  int next_ = 0;
};

TEST(SenderOrder, MessagesOfOneSenderKeepTheirOrder) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto executor = std::make_shared<ManualExecutor>(std::make_shared<ManualClock>(),
                                                     ManualExecutor::shuffled(seed));
    std::map<int, std::vector<int>> seen;
    auto collector = spawn(executor, std::make_unique<Collector>(&seen), {.mailbox_capacity = 3});
    std::vector<ActorHandle<int>> counters;
    for (int sender = 0; sender < 4; ++sender) {
      counters.push_back(spawn(executor, std::make_unique<Counter>(sender, 10, collector.ref())));
    }
    ASSERT_LT(executor->run_until_idle(10'000), 10'000u);
    ASSERT_EQ(seen.size(), 4u);
    for (const auto& [sender, numbers] : seen) {
      ASSERT_EQ(numbers.size(), 10u);
      for (int i = 0; i < 10; ++i) ASSERT_EQ(numbers[i], i) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace synfire
