#include "tools/hand_off.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "core/actor/actor_handle.hpp"
#include "core/actor/thread_executor.hpp"
#include "core/engine/messages.hpp"

namespace synfire::cli {
namespace {

constexpr std::size_t kThrows = 4000;
constexpr Duration kSpin = std::chrono::microseconds(100);

struct Ball {
  RunStep step;  // as a step of one token
  TimePoint sent;
  std::size_t left;
};

// Two players throw one ball to and fro; both note how long it flew.
struct Game {
  std::array<ActorRef<Ball>, 2> sides;
  std::array<std::vector<double>, 2> flights;  // seconds; each side writes its own
  std::promise<void> over;
};

class Player final : public Actor<Ball> {
 public:
  Player(Game* game, std::size_t side) : game_(*game), side_(side) {}

  void receive(Ball&& ball) override {
    game_.flights[side_].push_back(std::chrono::duration<double>(now() - ball.sent).count());
    if (ball.left == 0) return game_.over.set_value();
    --ball.left;
    throw_to(game_, 1 - side_, std::move(ball));
  }

  static void throw_to(Game& game, std::size_t side, Ball&& ball) {
    ball.sent = std::chrono::steady_clock::now();
    if (game.sides[side].try_send(std::move(ball)) != SendResult::ok) game.over.set_value();
  }

 private:
  Game& game_;
  std::size_t side_;
};

Ball make_ball() {
  Ball ball{{}, {}, kThrows};
  ball.step.batch = {{1}, {0}, {0}, {0}, {0, 1, 2, 3}, 4};
  ball.step.runs.resize(1);
  ball.step.runs.front().outputs.resize(1);
  return ball;
}

}  // namespace

Result<double> measure_hand_off() {
  Game game;  // outlives the threads
  ThreadExecutorOptions options;
  options.spin = kSpin;
  SYNFIRE_ASSIGN_OR_RETURN(const auto left, ThreadExecutor::start(options));
  SYNFIRE_ASSIGN_OR_RETURN(const auto right, ThreadExecutor::start(options));
  const auto first = spawn(left, std::make_unique<Player>(&game, 0));
  const auto second = spawn(right, std::make_unique<Player>(&game, 1));
  game.sides = {first.ref(), second.ref()};
  Player::throw_to(game, 0, make_ball());
  game.over.get_future().get();
  std::vector<double>& flights = game.flights[1];
  if (flights.size() < kThrows / 2)
    return error(StatusCode::internal, "hand-off: {} of {} messages arrived", flights.size(),
                 kThrows / 2);
  const auto middle = flights.begin() + static_cast<std::ptrdiff_t>(flights.size() / 2);
  std::nth_element(flights.begin(), middle, flights.end());
  return *middle;
}

}  // namespace synfire::cli
