#include "tools/progress.hpp"

#include <utility>

#include "tools/output.hpp"

namespace synfire::cli {
namespace {

constexpr auto kOnTerminal = std::chrono::milliseconds(100);
constexpr auto kElsewhere = std::chrono::seconds(5);

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)),
      terminal_(err_is_terminal()),
      next_(Clock::now() + (terminal_ ? Clock::duration(kOnTerminal) : kElsewhere)) {}

void Progress::at(std::size_t done, std::size_t all, const std::string& more) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + (terminal_ ? Clock::duration(kOnTerminal) : kElsewhere);
  const std::string text =
      fmt::format("{}: {} of {}{}{}", what_, done, all, more.empty() ? "" : ", ", more);
  note("{}{}{}", terminal_ ? "\r\x1b[K" : "", text, terminal_ ? "" : "\n");
  shown_ = terminal_;
}

void Progress::clear() {
  if (std::exchange(shown_, false)) write_err("\r\x1b[K");
}

}  // namespace synfire::cli
