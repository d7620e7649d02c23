#pragma once

#include <cassert>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/base/status.hpp"

namespace synfire {

// A value or the error that took its place. Reading the value of an error is a programmer's
// mistake.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }
  template <typename U = T>
  requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::remove_cvref_t<U>, Status> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result>) Result(U&& value)
      : value_(std::in_place, std::forward<U>(value)) {}

  [[nodiscard]] bool ok() const { return value_.has_value(); }
  [[nodiscard]] const Status& status() const { return status_; }

  [[nodiscard]] T& operator*() & { return *value_; }
  [[nodiscard]] const T& operator*() const& { return *value_; }
  [[nodiscard]] T&& operator*() && { return *std::move(value_); }
  [[nodiscard]] T* operator->() { return &*value_; }
  [[nodiscard]] const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

template <typename T>
Status status_of(const Result<T>& result) {
  return result.status();
}

}  // namespace synfire

#define SYNFIRE_CONCAT_INNER_(a, b) a##b
#define SYNFIRE_CONCAT_(a, b) SYNFIRE_CONCAT_INNER_(a, b)

// SYNFIRE_ASSIGN_OR_RETURN(auto file, open(path)): declares `file`, or returns the error from the
// caller.
#define SYNFIRE_ASSIGN_OR_RETURN(target, expression) \
  SYNFIRE_ASSIGN_OR_RETURN_(SYNFIRE_CONCAT_(synfire_result_, __LINE__), target, expression)
#define SYNFIRE_ASSIGN_OR_RETURN_(result, target, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) return result.status();                   \
  target = *std::move(result)
