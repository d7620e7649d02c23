#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// By layer and neuron, whether it is hot: PowerInfer's choice of what its GPU holds.
using GpuIndex = std::vector<std::vector<bool>>;

// Reads PowerInfer's `.gpuidx`: a GGUF (or PWRI) file with `blk.N.gpu_idx`, I32 [d_ff], 1 for a
// neuron on the GPU, and perhaps `blk.N.gpu_bucket`, I32, the numbers of these neurons; where both
// are there, they must agree. Errors name the file and the tensor.
[[nodiscard]] Result<GpuIndex> read_gpu_index(const GgufFile& file);

}  // namespace synfire
