#pragma once

#include <cstdint>

#include "plugins/sdk/option_reader.hpp"

namespace synfire::async_backend {

// What a test may ask of the device. Submissions count from 1.
struct AsyncOptions {
  std::uint64_t delay_us = 0;  // longest random pause before an op and before a signal
  std::uint64_t seed = 0;      // of the pauses
  std::uint64_t fail_at = 0;   // this submission ends with INTERNAL; 0: none
  std::uint64_t stall_at = 0;  // this submission ends only by abort(); 0: none

  static AsyncOptions read(const std::string& device, const sf_options& options) {
    constexpr std::uint64_t kAny = UINT64_MAX;
    sdk::OptionReader reader(device, options);
    const AsyncOptions read{reader.number("delay_us", 0, 0, 1000000),
                            reader.number("seed", 0, 0, kAny), reader.number("fail_at", 0, 0, kAny),
                            reader.number("stall_at", 0, 0, kAny)};
    reader.finish();
    return read;
  }
};

}  // namespace synfire::async_backend
