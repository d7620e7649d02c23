#include "core/base/endpoint.hpp"

#include <algorithm>
#include <cctype>

#include "core/base/units.hpp"

namespace synfire {
namespace {

bool is_host_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
}

bool is_ipv6_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '.' || c == '%';
}

bool valid_host(std::string_view host, bool bracketed) {
  return !host.empty() &&
         std::all_of(host.begin(), host.end(), bracketed ? is_ipv6_char : is_host_char);
}

}  // namespace

std::string Endpoint::to_string() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view kWant = "an address and a port like 127.0.0.1:8001 or [::1]:8001";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid_argument("got '{}', want {}", text, kWant);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const Result<std::uint64_t> port = parse_uint(port_text);
  if (!valid_host(host, bracketed) || port_text.empty()) {
    return invalid_argument("got '{}', want {}", text, kWant);
  }
  if (!port.ok() || *port > 65535) {
    return invalid_argument("got port '{}' in '{}', want a whole number from 0 to 65535", port_text,
                            text);
  }
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace synfire
