#include "tools/line_reader.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace synfire::cli {

std::optional<std::string> LineReader::next() {
  std::size_t end = buffer_.find('\n');
  while (end == std::string::npos) {
    const std::size_t before = buffer_.size();
    if (!fill()) break;
    end = buffer_.find('\n', before);
  }
  if (end == std::string::npos) {
    if (buffer_.empty()) return std::nullopt;
    return std::exchange(buffer_, {});
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

bool LineReader::fill() {
  std::array<pollfd, 2> files{pollfd{fd_, POLLIN, 0}, pollfd{stop_fd_, POLLIN, 0}};
  while (poll(files.data(), files.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  if (files[1].revents != 0) {
    buffer_.clear();
    return false;
  }
  std::array<char, 4096> piece;
  const ssize_t got = read(fd_, piece.data(), piece.size());
  if (got <= 0) return false;
  buffer_.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

}  // namespace synfire::cli
