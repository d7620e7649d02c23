#include "tools/stop_signals.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "tools/exit_code.hpp"

namespace synfire::cli {
namespace {

// What the handler may touch.
std::atomic<int> first_signal{0};
std::atomic<int> signal_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

constexpr int kSignals[] = {SIGINT, SIGTERM};

void wake(int fd) {
  const std::uint64_t one = 1;
  while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

extern "C" void on_signal(int number) {
  const int saved = errno;
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number)) _exit(kExitSignal + number);
  wake(signal_fd.load());
  errno = saved;
}

void handle(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaction(number, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() : stopped_fd_(eventfd(0, EFD_CLOEXEC)) {
  signal_fd.store(eventfd(0, EFD_CLOEXEC));
  first_signal.store(0);
  handle(&on_signal);
  watcher_ = std::thread([this] { watch(); });
}

StopSignals::~StopSignals() {
  handle(SIG_DFL);
  wake(signal_fd.load());
  watcher_.join();
  close(signal_fd.exchange(-1));
  close(stopped_fd_);
}

int StopSignals::signal() const { return first_signal.load(); }

void StopSignals::watch() {
  std::uint64_t count = 0;
  while (read(signal_fd.load(), &count, sizeof count) < 0 && errno == EINTR) {
  }
  if (first_signal.load() == 0) return;  // the destructor's wake
  wake(stopped_fd_);
  source_.request_stop();
}

}  // namespace synfire::cli
