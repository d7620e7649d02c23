#include "core/model/arch/pre_norm_decoder.hpp"

#include "core/model/arch/program_builder.hpp"

namespace synfire {
namespace {

ValueId attention_block(ProgramBuilder& b, ValueId x, const std::string& prefix) {
  const Hparams& h = b.hparams();
  const ValueId normed = b.rms_norm(x, prefix + "attn_norm.weight");
  const ValueId q = b.linear(normed, prefix + "attn_q", h.n_heads * h.head_dim);
  const ValueId k = b.linear(normed, prefix + "attn_k", h.n_kv_heads * h.head_dim);
  const ValueId v = b.linear(normed, prefix + "attn_v", h.n_kv_heads * h.head_dim);
  const ValueId attended = b.attention(b.rope(q, h.n_heads, SF_ROPE_ADJACENT),
                                       b.rope(k, h.n_kv_heads, SF_ROPE_ADJACENT), v);
  return b.add(x, b.linear(attended, prefix + "attn_output", h.d_model));
}

}  // namespace

Result<Program> build_pre_norm_decoder(const GgufFile& file, const Hparams& hparams,
                                       PreNormDecoderOptions options) {
  ProgramBuilder b(file, hparams);
  ValueId x = b.embed("token_embd.weight");
  for (std::uint32_t layer = 0; layer < hparams.n_layers; ++layer) {
    const std::string prefix = fmt::format("blk.{}.", layer);
    b.begin_layer(x);
    x = attention_block(b, x, prefix);
    const ValueId normed = b.rms_norm(x, prefix + "ffn_norm.weight");
    x = b.add(x, b.ffn(normed, x, prefix, options.gated_ffn));
  }
  b.begin_epilogue();
  const ValueId last = b.rms_norm(b.gather_wanted(x), "output_norm.weight");
  const bool tied = !b.has("output.weight");
  return b.finish(b.linear(last, tied ? "token_embd" : "output", hparams.n_vocab));
}

}  // namespace synfire
