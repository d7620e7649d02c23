#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace synfire {

// The codes are gRPC's, with gRPC's numbers, so that an error keeps its code from a plugin to a
// client.
enum class StatusCode : std::int32_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
};

// "INVALID_ARGUMENT" and the like; numbers that gRPC does not know give "UNKNOWN".
[[nodiscard]] std::string_view to_string(StatusCode code);

// Success, or an error with a text that names the thing, what was got and what was wanted.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] bool ok() const { return code_ == StatusCode::ok; }
  [[nodiscard]] StatusCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }

  // "INVALID_ARGUMENT: message", or "OK".
  [[nodiscard]] std::string to_string() const;

  // The same error with `context: ` in front of its text; success stays success.
  [[nodiscard]] Status with_context(std::string_view context) const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  StatusCode code_ = StatusCode::ok;
  std::string message_;
};

// error(StatusCode::not_found, "tensor {}: missing", name)
template <typename... Args>
[[nodiscard]] Status error(StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
[[nodiscard]] Status invalid_argument(fmt::format_string<Args...> format, Args&&... args) {
  return error(StatusCode::invalid_argument, format, std::forward<Args>(args)...);
}

}  // namespace synfire

// Returns the error of an expression of type Status (or Result<T>, whose value is dropped) from the
// caller.
#define SYNFIRE_RETURN_IF_ERROR(expression)                                             \
  do {                                                                                  \
    if (auto synfire_status_ = ::synfire::status_of(expression); !synfire_status_.ok()) \
      return synfire_status_;                                                           \
  } while (false)

namespace synfire {
inline Status status_of(Status status) { return status; }
}  // namespace synfire
