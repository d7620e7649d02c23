#include "core/model/arch/families.hpp"
#include "core/model/arch/pre_norm_decoder.hpp"

namespace synfire {

// OPT (arXiv 2205.01068): LayerNorm, learned positions, biases everywhere, ReLU without a gate.
Result<Program> build_opt(const GgufFile& file, const Hparams& hparams) {
  constexpr std::uint32_t kUnusedPositions = 2;
  Hparams h = hparams;
  PreNormDecoderOptions options{
      .gated_ffn = false, .norm = Norm::layer, .positions = Positions::learned};
  h.learned_positions = true;
  if (file.is_powerinfer()) {  // its files keep the unused rows, and count them as context
    if (h.context <= kUnusedPositions)
      return invalid_argument("{}: key opt.context_length: {}, want more than {}", file.path(),
                              h.context, kUnusedPositions);
    options.first_position_row = kUnusedPositions;
    h.context -= kUnusedPositions;
  }
  return build_pre_norm_decoder(file, h, options);
}

}  // namespace synfire
