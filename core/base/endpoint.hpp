#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace synfire {

// Where a server listens: "127.0.0.1:8001", "[::1]:0", "localhost:8001". Port 0 takes a free one.
struct Endpoint {
  std::string host;  // without the brackets of IPv6
  std::uint16_t port = 0;

  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace synfire
