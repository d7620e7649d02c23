#include "core/serve/bind_check.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace synfire {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

class Socket {
 public:
  explicit Socket(const addrinfo& address) : fd_(socket(address.ai_family, SOCK_STREAM, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // 0, or what went wrong.
  [[nodiscard]] int bind_errno(const addrinfo& address) const {
    if (fd_ < 0) return errno;
    const int on = 1;  // as gRPC does: a connection that just ended is no obstacle
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind(fd_, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

Status problem(const Endpoint& endpoint, std::string words) {
  if (!words.empty()) {
    const auto first = static_cast<unsigned char>(words.front());
    words.front() = static_cast<char>(std::tolower(first));
  }
  return error(StatusCode::unavailable, "listen {}: {}", endpoint.to_string(), words);
}

}  // namespace

Status check_bind(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const int failed = getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) return problem(endpoint, gai_strerror(failed));
  const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);

  int first_errno = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int bind_errno = Socket(*address).bind_errno(*address);
    if (bind_errno == 0) return {};
    if (first_errno == 0) first_errno = bind_errno;
  }
  return problem(endpoint, std::generic_category().message(first_errno));
}

}  // namespace synfire
