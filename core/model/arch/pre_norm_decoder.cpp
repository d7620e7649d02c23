#include "core/model/arch/pre_norm_decoder.hpp"

#include "core/model/arch/program_builder.hpp"

namespace synfire {
namespace {

ValueId norm(ProgramBuilder& b, ValueId x, const std::string& name, Norm kind) {
  return kind == Norm::rms ? b.rms_norm(x, name + ".weight") : b.layer_norm(x, name);
}

ValueId rotated(ProgramBuilder& b, ValueId x, std::uint32_t n_heads, Positions positions) {
  if (positions == Positions::learned) return x;
  return b.rope(x, n_heads,
                positions == Positions::rotate_halves ? SF_ROPE_HALVES : SF_ROPE_ADJACENT);
}

ValueId attention_block(ProgramBuilder& b, ValueId x, const std::string& prefix,
                        const PreNormDecoderOptions& options) {
  const Hparams& h = b.hparams();
  const ValueId normed = norm(b, x, prefix + "attn_norm", options.norm);
  const ValueId q = b.linear(normed, prefix + "attn_q", h.n_heads * h.head_dim);
  const ValueId k = b.linear(normed, prefix + "attn_k", h.n_kv_heads * h.head_dim);
  const ValueId v = b.linear(normed, prefix + "attn_v", h.n_kv_heads * h.head_dim);
  const ValueId attended = b.attention(rotated(b, q, h.n_heads, options.positions),
                                       rotated(b, k, h.n_kv_heads, options.positions), v);
  return b.add(x, b.linear(attended, prefix + "attn_output", h.d_model));
}

}  // namespace

Result<Program> build_pre_norm_decoder(const GgufFile& file, const Hparams& hparams,
                                       PreNormDecoderOptions options) {
  ProgramBuilder b(file, hparams);
  ValueId x = b.embed("token_embd.weight");
  if (options.positions == Positions::learned)
    x = b.add_positions(x, "position_embd.weight", options.first_position_row);
  for (std::uint32_t layer = 0; layer < hparams.n_layers; ++layer) {
    const std::string prefix = fmt::format("blk.{}.", layer);
    b.begin_layer(x);
    x = attention_block(b, x, prefix, options);
    const ValueId normed = norm(b, x, prefix + "ffn_norm", options.norm);
    x = b.add(x, b.ffn(normed, x, prefix, options.gated_ffn));
  }
  b.begin_epilogue();
  return b.finish_with_head(norm(b, b.gather_wanted(x), "output_norm", options.norm));
}

}  // namespace synfire
