#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

enum class Norm { rms, layer };
// How tokens know where they are: RoPE on neighbours or on halves of a head, or a row each.
enum class Positions { rotate_neighbours, rotate_halves, learned };

struct PreNormDecoderOptions {
  bool gated_ffn;
  Norm norm = Norm::rms;
  Positions positions = Positions::rotate_neighbours;
  std::uint32_t first_position_row = 0;  // of position_embd, where positions are learned
};

// The block that most decoders share: x += attention(norm(x)); x += ffn(norm(x)). GQA, output
// matrix of its own or the embedding's; biases where the file has them.
[[nodiscard]] Result<Program> build_pre_norm_decoder(const GgufFile& file, const Hparams& hparams,
                                                     PreNormDecoderOptions options);

}  // namespace synfire
