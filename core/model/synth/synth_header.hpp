#pragma once

#include "core/base/result.hpp"
#include "core/model/gguf_header.hpp"
#include "core/model/synth/activity.hpp"
#include "core/model/synth/synth_model.hpp"

namespace synfire::synth {

// Metadata and declared tensors of the file: all that llama.cpp or PowerInfer asks for, a made-up
// vocabulary, under `synfire.synth.` what was asked for, under `synfire.activity.` what was measured.
[[nodiscard]] Result<GgufHeader> header_of(const SynthModel& model, const Activity& activity);

}  // namespace synfire::synth
