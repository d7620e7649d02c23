#pragma once

#include <optional>
#include <string>

namespace synfire::cli {

// Lines from a file descriptor, given up when another one becomes readable. One thread.
class LineReader {
 public:
  LineReader(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}

  // Without its newline; the last line may lack one. Nothing at the end of the file, on a read
  // error, and once stop_fd is readable.
  [[nodiscard]] std::optional<std::string> next();

 private:
  [[nodiscard]] bool fill();

  int fd_;
  int stop_fd_;
  std::string buffer_;
};

}  // namespace synfire::cli
