#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace synfire::cli {

// How far a long command is, on stderr: one line that renews itself on a terminal; elsewhere a
// plain line every few seconds. Main thread only.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::size_t done, std::size_t all, const std::string& more = "");
  // Takes the line off a terminal, before something else is written.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point next_;
};

}  // namespace synfire::cli
