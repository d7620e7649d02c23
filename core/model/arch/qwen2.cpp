#include "core/model/arch/families.hpp"
#include "core/model/arch/pre_norm_decoder.hpp"

namespace synfire {

// Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): Llama with biases of q, k and v.
Result<Program> build_qwen2(const GgufFile& file, const Hparams& hparams) {
  return build_pre_norm_decoder(file, hparams,
                                {.gated_ffn = true, .positions = Positions::rotate_halves});
}

}  // namespace synfire
