#include "core/model/arch/families.hpp"
#include "core/model/arch/pre_norm_decoder.hpp"

namespace synfire {

// Nemotron-4 and Minitron (arXiv 2402.16819, 2407.14679): LayerNorm, a part of each head rotates,
// and an FFN without a gate whose activation is ReLU squared.
Result<Program> build_nemotron(const GgufFile& file, const Hparams& hparams) {
  return build_pre_norm_decoder(
      file, hparams,
      {.gated_ffn = false, .norm = Norm::layer, .positions = Positions::rotate_halves});
}

}  // namespace synfire
