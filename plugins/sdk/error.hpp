#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "plugins/abi/synfire_plugin.h"

// Exceptions inside a plugin, sf_error at its border.
namespace synfire::sdk {

enum Code : std::int32_t {  // gRPC's
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
};

class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] Code code() const { return code_; }

 private:
  Code code_;
};

// The host's table; set by initialize, before anything else of the plugin runs.
inline const sf_host*& host() {
  static const sf_host* instance = nullptr;
  return instance;
}

inline sf_error* make_error(std::int32_t code, const char* message) {
  return host()->error_create(code, message);
}

// The exception being handled, as an error for the host. Call inside a catch block.
inline sf_error* current_exception_as_error() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return make_error(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return make_error(kResourceExhausted, "out of memory");
  } catch (const std::exception& error) {
    return make_error(kInternal, error.what());
  } catch (...) {
    return make_error(kInternal, "unknown exception");
  }
}

// Runs `body`; what it throws comes back as an error, NULL otherwise.
template <typename Body>
sf_error* guard(Body&& body) noexcept {
  try {
    body();
    return nullptr;
  } catch (...) {
    return current_exception_as_error();
  }
}

}  // namespace synfire::sdk
