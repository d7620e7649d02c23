#pragma once

#include <cstddef>

#include "core/base/clock.hpp"
#include "core/base/endpoint.hpp"

namespace synfire {

// What a GrpcServer is made of.
struct ServerConfig {
  Endpoint listen{"127.0.0.1", 8001};         // port 0 takes a free one
  std::size_t max_request_bytes = 16U << 20;  // of one message; more is RESOURCE_EXHAUSTED
  std::size_t max_lag_bytes = 1U << 20;  // kept for a client that reads slower than tokens come
  Duration health_interval = std::chrono::milliseconds(500);  // between looks at the devices
  Duration cancel_grace = std::chrono::seconds(5);  // for cancelled calls to end, in draining
};

}  // namespace synfire
