#include "core/model/arch/families.hpp"
#include "core/model/arch/pre_norm_decoder.hpp"

namespace synfire {

// Llama (arXiv 2302.13971, 2307.09288): a pre-norm decoder with a gated FFN.
Result<Program> build_llama(const GgufFile& file, const Hparams& hparams) {
  return build_pre_norm_decoder(file, hparams, {.gated_ffn = true});
}

}  // namespace synfire
