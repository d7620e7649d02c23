#pragma once

#include <cstdint>

namespace synfire {

// How a plan is made, but for who gets what.
struct CompileOptions {
  std::uint32_t n_devices = 1;
  std::uint32_t ffn_chunk = 0;  // neurons per partial sum; 0 = the backend's constant
  std::uint32_t tap = 0;        // SF_TAP_*: what the host reads of every layer; 0: nothing
  bool tap_gates = false;       // it also reads what decides which neurons fire; one device
};

}  // namespace synfire
