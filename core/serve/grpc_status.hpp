#pragma once

#include <grpcpp/support/status.h>

#include "core/base/status.hpp"

// The codes are the same numbers on both sides.
namespace synfire {

inline grpc::Status to_grpc(const Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), status.message()};
}

inline Status from_grpc(const grpc::Status& status) {
  // UNAUTHENTICATED is the one code that ours lack.
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED)
    return {StatusCode::permission_denied, status.error_message()};
  return {static_cast<StatusCode>(status.error_code()), status.error_message()};
}

}  // namespace synfire
