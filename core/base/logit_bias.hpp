#pragma once

#include <cstdint>

namespace synfire {

struct LogitBias {
  std::int32_t id = 0;
  double bias = 0;  // added to the token's logit

  friend bool operator==(const LogitBias&, const LogitBias&) = default;
};

}  // namespace synfire
