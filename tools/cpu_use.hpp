#pragma once

#include "core/base/clock.hpp"

namespace synfire::cli {

// Processor time used until a moment, in seconds: by everybody on all of the machine's processors
// (what a hypervisor took away included), and by this process.
struct CpuUse {
  double everybody = 0;
  double own = 0;
  TimePoint at = {};

  [[nodiscard]] static CpuUse now();
};

// What others had between two moments, as a share of the time of all processors; the system counts
// in hundredths of a second, so moments should lie seconds apart. 0 where the system does not tell.
[[nodiscard]] double share_of_others(const CpuUse& from, const CpuUse& to);

// From this share on, others bend what is measured.
inline constexpr double kDisturbingShare = 0.05;

}  // namespace synfire::cli
