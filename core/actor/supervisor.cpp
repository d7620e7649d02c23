#include "core/actor/supervisor.hpp"

#include <exception>
#include <utility>

namespace synfire {
namespace {

Status guarded_start(const ChildSpec& spec, DownListener on_down) {
  try {
    return spec.start(std::move(on_down));
  } catch (const std::exception& caught) {
    return error(StatusCode::internal, "{}", caught.what());
  } catch (...) {
    return error(StatusCode::internal, "an exception of unknown type");
  }
}

}  // namespace

std::shared_ptr<Supervisor> Supervisor::create(std::shared_ptr<Executor> executor) {
  return std::shared_ptr<Supervisor>(new Supervisor(std::move(executor)));
}

void Supervisor::supervise(ChildSpec spec) {
  auto child = std::make_unique<Child>();
  child->spec = std::move(spec);
  executor_->post([self = shared_from_this(), child = std::move(child)]() mutable {
    self->children_.push_back(std::move(child));
    self->start(self->children_.size() - 1);
  });
}

void Supervisor::stop() { stopped_ = true; }

void Supervisor::start(std::size_t index) {
  if (stopped_) return;
  Child& child = *children_[index];
  const std::uint64_t incarnation = child.incarnation;
  child.up = true;
  Status started = guarded_start(child.spec, listener(index, incarnation));
  if (!started.ok()) {
    started = started.with_context("start of " + child.spec.name);
    return on_down(index, incarnation, Down{child.spec.name, DownReason::failed, started});
  }
  if (incarnation > 0) tell(child, ChildEvent::Kind::restarted, {});
}

// The actor's thread only posts; it may outlive the supervisor.
DownListener Supervisor::listener(std::size_t index, std::uint64_t incarnation) {
  return [weak = weak_from_this(), index, incarnation](const Down& down) {
    const auto self = weak.lock();
    if (!self) return;
    self->executor_->post([weak, index, incarnation, down] {
      if (const auto supervisor = weak.lock()) supervisor->on_down(index, incarnation, down);
    });
  };
}

void Supervisor::on_down(std::size_t index, std::uint64_t incarnation, const Down& down) {
  Child& child = *children_[index];
  // A start that failed half way may be told twice: by its error and by the actor it left.
  if (stopped_ || !child.up || incarnation != child.incarnation) return;
  child.up = false;
  tell(child, ChildEvent::Kind::down, down);
  const auto& wants = child.spec.wants_restart;
  if (!(wants ? wants(down) : down.reason != DownReason::stopped)) {
    return tell(child, ChildEvent::Kind::ended, down);
  }
  if (!may_restart(child)) return tell(child, ChildEvent::Kind::exhausted, down);
  restart(index);
}

bool Supervisor::may_restart(Child& child) {
  const TimePoint now = executor_->clock().now();
  while (!child.restarts.empty() && child.restarts.front() + child.spec.limit.window <= now) {
    child.restarts.pop_front();
  }
  if (child.restarts.size() >= child.spec.limit.max_restarts) return false;
  child.restarts.push_back(now);
  return true;
}

void Supervisor::restart(std::size_t index) {
  ++children_[index]->incarnation;
  Task task = [weak = weak_from_this(), index] {
    if (const auto self = weak.lock()) self->start(index);
  };
  const Duration delay = children_[index]->spec.limit.delay;
  if (delay > Duration::zero()) {
    executor_->run_at(executor_->clock().now() + delay, std::move(task));
  } else {
    executor_->post(std::move(task));
  }
}

void Supervisor::tell(const Child& child, ChildEvent::Kind kind, const Down& down) {
  if (child.spec.on_event) child.spec.on_event({kind, child.incarnation, down});
}

}  // namespace synfire
