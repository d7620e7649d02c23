#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "backends/cpu/ops/row_dots.hpp"
#include "backends/cpu/workspace.hpp"

namespace synfire::cpu {

// The neurons that a pass over entries leaves, with their gates: each run of the pass in a place of
// its own, so that no member reads what another one wrote before it takes over some of its work.
// Members write different runs at the same time; index() and what comes below it are for
// afterwards.
class FiredRuns {
 public:
  // Runs of tiles of kTileRows entries.
  FiredRuns(Workspace& workspace, const GuidedRuns& runs, std::uint32_t n_entries)
      : runs_(runs),
        ids_(workspace.get<std::uint32_t>(Workspace::ids, n_entries)),
        gates_(workspace.get<float>(Workspace::gates, n_entries)),
        sizes_(workspace.get<std::uint32_t>(Workspace::pairs, runs.size())) {}

  // Room for all entries of a run.
  [[nodiscard]] std::uint32_t* ids(std::size_t run) const { return ids_ + place(run); }
  [[nodiscard]] float* gates(std::size_t run) const { return gates_ + place(run); }
  void set_size(std::size_t run, std::uint32_t n) const { sizes_[run] = n; }

  // Counts what all runs left.
  void index() {
    starts_[0] = 0;
    for (std::size_t run = 0; run < runs_.size(); ++run)
      starts_[run + 1] = starts_[run] + sizes_[run];
  }
  [[nodiscard]] std::uint32_t size() const { return starts_[runs_.size()]; }
  // The n from the first one on, in the order of the entries. first + n <= size().
  void copy(std::uint32_t first, std::uint32_t n, std::uint32_t* ids, float* gates) const {
    const auto* const end = starts_.data() + runs_.size() + 1;
    auto run =
        static_cast<std::size_t>(std::upper_bound(starts_.data(), end, first) - starts_.data() - 1);
    for (std::uint32_t done = 0; done < n; ++run) {
      const std::uint32_t skipped = first + done - starts_[run];
      const std::uint32_t here = std::min(n - done, sizes_[run] - skipped);
      std::copy_n(this->ids(run) + skipped, here, ids + done);
      std::copy_n(this->gates(run) + skipped, here, gates + done);
      done += here;
    }
  }

 private:
  [[nodiscard]] std::size_t place(std::size_t run) const {
    return std::size_t{runs_.first(run)} * kTileRows;
  }

  const GuidedRuns& runs_;
  std::uint32_t* ids_;
  float* gates_;
  std::uint32_t* sizes_;                                     // by run
  std::array<std::uint32_t, GuidedRuns::kMost + 1> starts_;  // by run; the last one: of all
};

}  // namespace synfire::cpu
