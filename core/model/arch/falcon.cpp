#include "core/model/arch/families.hpp"
#include "core/model/arch/program_builder.hpp"

namespace synfire {

// Falcon (arXiv 2311.16867): attention and FFN side by side, of the same input. Each has a
// LayerNorm of its own where there is attn_norm_2, attention's.
Result<Program> build_falcon(const GgufFile& file, const Hparams& hparams) {
  ProgramBuilder b(file, hparams);
  const Hparams& h = b.hparams();
  const std::uint32_t q_rows = h.n_heads * h.head_dim, kv_rows = h.n_kv_heads * h.head_dim;
  ValueId x = b.embed("token_embd.weight");
  for (std::uint32_t layer = 0; layer < h.n_layers; ++layer) {
    const std::string prefix = fmt::format("blk.{}.", layer);
    b.begin_layer(x);
    const ValueId ffn_input = b.layer_norm(x, prefix + "attn_norm");
    const ValueId normed =
        b.has(prefix + "attn_norm_2.weight") ? b.layer_norm(x, prefix + "attn_norm_2") : ffn_input;
    const std::vector<ValueId> qkv =
        b.fused_linear(normed, prefix + "attn_qkv", {q_rows, kv_rows, kv_rows});
    const ValueId attended = b.attention(b.rope(qkv[0], h.n_heads, SF_ROPE_HALVES),
                                         b.rope(qkv[1], h.n_kv_heads, SF_ROPE_HALVES), qkv[2]);
    const ValueId with_attention = b.add(x, b.linear(attended, prefix + "attn_output", h.d_model));
    x = b.add(with_attention, b.ffn(ffn_input, x, prefix, false));
  }
  b.begin_epilogue();
  return b.finish_with_head(b.layer_norm(b.gather_wanted(x), "output_norm"));
}

}  // namespace synfire
