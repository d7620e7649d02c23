#pragma once

#include "core/base/endpoint.hpp"
#include "core/base/status.hpp"

namespace synfire {

// Whether this process may listen there now, in the operating system's words where not: gRPC itself
// only says that it failed. UNAVAILABLE "listen 127.0.0.1:8001: address already in use".
[[nodiscard]] Status check_bind(const Endpoint& endpoint);

}  // namespace synfire
