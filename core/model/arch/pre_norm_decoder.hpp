#pragma once

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

struct PreNormDecoderOptions {
  bool gated_ffn;
};

// The block that most decoders share: x += attention(norm(x)); x += ffn(norm(x)). RMSNorm, GQA,
// RoPE on adjacent pairs, output matrix of its own or the embedding's.
[[nodiscard]] Result<Program> build_pre_norm_decoder(const GgufFile& file, const Hparams& hparams,
                                                     PreNormDecoderOptions options);

}  // namespace synfire
