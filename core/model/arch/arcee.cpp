#include "core/model/arch/families.hpp"
#include "core/model/arch/pre_norm_decoder.hpp"

namespace synfire {

// Arcee (AFM): Llama's attention, and an FFN without a gate whose activation is ReLU squared.
Result<Program> build_arcee(const GgufFile& file, const Hparams& hparams) {
  return build_pre_norm_decoder(file, hparams, {.gated_ffn = false});
}

}  // namespace synfire
