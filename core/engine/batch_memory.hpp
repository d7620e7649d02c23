#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/engine/messages.hpp"
#include "core/tensor/host_region.hpp"
#include "plugins/abi/synfire_backend.h"

namespace synfire {

// The largest batch of an engine.
struct BatchLimits {
  std::uint32_t max_tokens = 0;
  std::uint32_t max_sequences = 0;
  std::uint32_t max_blocks = 0;  // per sequence
};

// Where a device reads a step's batch: memory that can be registered with it. One thread at a time.
class BatchMemory {
 public:
  BatchMemory() = default;
  static Result<BatchMemory> make(const BatchLimits& limits);

  // INVALID_ARGUMENT when the batch contradicts itself or the limits: it may come from outside.
  [[nodiscard]] Status check(const StepBatch& batch) const;
  // The batch's copy; valid until the next call. `batch` has passed check().
  sf_batch fill(const StepBatch& batch);

  [[nodiscard]] const HostRegion& region() const { return region_; }

 private:
  BatchLimits limits_;
  HostRegion region_;
};

}  // namespace synfire
