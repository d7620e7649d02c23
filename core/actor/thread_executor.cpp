#include "core/actor/thread_executor.hpp"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "core/actor/event_loop.hpp"
#include "core/base/log.hpp"

namespace synfire {
namespace {

void thread_main(const std::shared_ptr<EventLoop>& loop, const std::string& name,
                 const std::function<void()>& on_start) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  try {
    if (on_start) on_start();
  } catch (const std::exception& caught) {
    log::error("thread {}: its start callback threw: {}", name, caught.what());
  }
  loop->run();
}

}  // namespace

Result<std::shared_ptr<ThreadExecutor>> ThreadExecutor::start(ThreadExecutorOptions options) {
  std::shared_ptr<ThreadExecutor> executor(new ThreadExecutor(std::move(options)));
  try {
    executor->launch();
  } catch (const std::system_error& caught) {
    return error(StatusCode::resource_exhausted, "thread {}: cannot be started: {}",
                 executor->options_.name, caught.what());
  }
  return executor;
}

ThreadExecutor::ThreadExecutor(ThreadExecutorOptions options)
    : options_(std::move(options)), loop_(std::make_shared<EventLoop>(options_.spin)) {}

void ThreadExecutor::launch() {
  thread_ = std::thread([loop = loop_, name = options_.name, on_start = options_.on_thread_start] {
    thread_main(loop, name, on_start);
  });
  thread_id_ = thread_.get_id();
}

ThreadExecutor::~ThreadExecutor() {
  static_cast<void>(stop_and_join(options_.stop_within));
  if (thread_.joinable()) thread_.detach();  // we are on it
}

bool ThreadExecutor::post(Task task) { return loop_->post(std::move(task)); }

TimerHandle ThreadExecutor::run_at(TimePoint due, Task task) {
  return loop_->run_at(due, std::move(task));
}

const Clock& ThreadExecutor::clock() const { return loop_->clock(); }

Duration ThreadExecutor::spin() const { return loop_->spin(); }

bool ThreadExecutor::stop_and_join(Duration within) {
  loop_->stop();
  if (std::this_thread::get_id() == thread_id_) return false;
  std::lock_guard lock(joining_);
  if (!thread_.joinable()) return joined_;
  joined_ = loop_->wait_finished(within);
  if (joined_) {
    thread_.join();
    return true;
  }
  log::warning("thread {}: still in a task {} ms after it was told to stop; letting it go",
               options_.name,
               std::chrono::duration_cast<std::chrono::milliseconds>(within).count());
  thread_.detach();
  loop_->abandon();
  return false;
}

}  // namespace synfire
