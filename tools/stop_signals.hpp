#pragma once

#include <stop_token>
#include <thread>

namespace synfire::cli {

// Ctrl-C and SIGTERM as a stop token, while the object lives: the first signal requests a stop, the
// second ends the process at once with 128 + its number.
//
// One at a time in the process. Callbacks on the token run on this object's own thread.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  // The signal that came; 0: none.
  [[nodiscard]] int signal() const;
  // Readable once a stop was requested; for poll() beside other files.
  [[nodiscard]] int stopped_fd() const { return stopped_fd_; }

 private:
  void watch();

  std::stop_source source_;
  int stopped_fd_;
  std::thread watcher_;
};

}  // namespace synfire::cli
