#include "tools/cpu_use.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace synfire::cli {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// "cpu user nice system idle iowait irq softirq steal ..." of /proc/stat, in clock ticks; guests
// are counted in user.
double busy_seconds_of_all() {
  enum Field { user, nice, system, idle, iowait, irq, softirq, steal, fields };
  std::ifstream stat("/proc/stat");
  std::string label;
  stat >> label;
  std::array<double, fields> ticks{};
  for (double& value : ticks)
    if (!(stat >> value)) return 0;
  const double busy = ticks[user] + ticks[nice] + ticks[system] + ticks[irq] + ticks[softirq];
  return (busy + ticks[steal]) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

CpuUse CpuUse::now() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return {busy_seconds_of_all(), seconds(used.ru_utime) + seconds(used.ru_stime),
          std::chrono::steady_clock::now()};
}

double share_of_others(const CpuUse& from, const CpuUse& to) {
  const double passed = std::chrono::duration<double>(to.at - from.at).count();
  const double all = passed * std::max(std::thread::hardware_concurrency(), 1U);
  if (to.everybody == 0 || all <= 0) return 0;
  const double others = (to.everybody - from.everybody) - (to.own - from.own);
  return std::clamp(others / all, 0.0, 1.0);
}

}  // namespace synfire::cli
