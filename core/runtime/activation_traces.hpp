#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/sparsity/activation_profile.hpp"
#include "core/sparsity/ffn_inputs.hpp"

namespace synfire {

// Which neurons fire for what the layers' FFNs saw, by their deciding rows (gate, or up without
// one): of each layer's samples as many tokens as all have, at most `max_tokens`. Of models that
// are not of a ReLU family all neurons fire, always.
[[nodiscard]] Result<ActivationProfile> trace_activity(const Program& program, const GgufFile& file,
                                                       const std::vector<FfnInputs>& inputs,
                                                       std::uint32_t max_tokens);

}  // namespace synfire
