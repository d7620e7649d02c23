#pragma once

#include "core/model/synth/synth_request.hpp"

namespace synfire::test {

// A model of a few MiB with all that large ones have.
inline synth::Request small_request(DType dtype = DType::f16,
                                    synth::Layout layout = synth::Layout::dense) {
  synth::Request request;
  request.shape = {"small", 256, 1024, 4, 4, 2, 512};
  request.dtype = dtype;
  request.layout = layout;
  request.seed = 7;
  return request;
}

}  // namespace synfire::test
