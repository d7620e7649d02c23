/* The op table: every operation of a stage, with its operands and its parameter struct. C11.
 *
 * T is the batch's n_tokens, W its n_wanted. Rows are float32. "x: d" reads: a SF_VALUE_ROWS value
 * of width d. Numbers are part of the contract and never reused.
 */
#ifndef SYNFIRE_OPS_H
#define SYNFIRE_OPS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { /* activations */
       SF_ACTIVATION_SILU = 1,
       SF_ACTIVATION_RELU = 2,
       SF_ACTIVATION_RELU2 = 3, /* max(0, x)^2 */
       SF_ACTIVATION_GELU = 4,  /* x/2 (1 + erf(x / sqrt 2)) */
       SF_ACTIVATION_DRELU = 5, /* relu(gate) * relu(up), arXiv 2406.05955 */
};

/* id, name, inputs, outputs, weights (counts; optional ones included), uses neurons, uses KV,
 * params */
#define SYNFIRE_OP_TABLE(X)                                                  \
  X(SF_OP_COPY, 1, "copy", 1, 1, 0, 0, 0, sf_no_params)                      \
  X(SF_OP_EMBED, 2, "embed", 0, 1, 1, 0, 0, sf_embed_params)                 \
  X(SF_OP_RMS_NORM, 3, "rms_norm", 1, 1, 1, 0, 0, sf_norm_params)            \
  X(SF_OP_LINEAR, 4, "linear", 1, 1, 2, 0, 0, sf_no_params)                  \
  X(SF_OP_ROPE, 5, "rope", 1, 1, 1, 0, 0, sf_rope_params)                    \
  X(SF_OP_KV_WRITE, 6, "kv_write", 2, 0, 0, 0, 1, sf_kv_params)              \
  X(SF_OP_ATTENTION, 7, "attention", 1, 1, 0, 0, 1, sf_attention_params)     \
  X(SF_OP_ADD, 8, "add", 2, 1, 0, 0, 0, sf_no_params)                        \
  X(SF_OP_ACTIVATE, 9, "activate", 2, 1, 0, 0, 0, sf_activate_params)        \
  X(SF_OP_GATHER_WANTED, 10, "gather_wanted", 1, 1, 0, 0, 0, sf_no_params)   \
  X(SF_OP_NEURON_GATE, 11, "neuron_gate", 1, 1, 0, 1, 0, sf_no_params)       \
  X(SF_OP_SELECT, 12, "select", 1, 1, 0, 1, 0, sf_select_params)             \
  X(SF_OP_NEURON_FFN, 13, "neuron_ffn", 3, 1, 0, 1, 0, sf_neuron_ffn_params) \
  X(SF_OP_SIGN_LINEAR, 14, "sign_linear", 1, 1, 2, 0, 0, sf_no_params)       \
  X(SF_OP_LAYER_NORM, 15, "layer_norm", 1, 1, 2, 0, 0, sf_norm_params)       \
  X(SF_OP_ADD_ROW, 16, "add_row", 1, 1, 1, 0, 0, sf_no_params)               \
  X(SF_OP_ADD_POSITIONS, 17, "add_positions", 1, 1, 1, 0, 0, sf_positions_params)

enum {
#define SYNFIRE_OP_ID(id, number, name, inputs, outputs, weights, neurons, kv, params) id = number,
  SYNFIRE_OP_TABLE(SYNFIRE_OP_ID)
#undef SYNFIRE_OP_ID
};

/* copy: x -> y of the same kind and width. The only op that touches ports.
 * add: a: d, b: d -> a + b.
 * add_row: x: d; weight [d] -> x + weight.
 * linear: x: cols; weights [W: rows x cols, bias (optional): rows] -> rows.
 * gather_wanted: x: d -> SF_VALUE_WANTED_ROWS of width d, the rows whose logits are wanted.
 * neuron_gate: x: d_model -> d_ff: for each resident neuron its gate (the up dot product where the
 * FFN has no gate), its bias added; entries of neurons that are not resident are not written. A
 * linear op on a SF_VALUE_WANTED_ROWS input gives a SF_VALUE_WANTED_ROWS output; so do norms and
 * adds. sign_linear: x: d; weights [signs: I8, rows x ceil(d / 8), bias (optional): rows] -> rows:
 * y_r = bias_r + the sum of +-x_i, minus where bit i % 8 of byte i / 8 of row r is set. */
typedef struct sf_no_params {
  uint32_t reserved;
} sf_no_params;

/* embed: the batch's tokens; weight [n_vocab, d] -> d, times `scale`. */
typedef struct sf_embed_params {
  float scale;
} sf_embed_params;

/* rms_norm: x: d; weight [d] -> x / sqrt(mean(x^2) + eps) * weight.
 * layer_norm: x: d; weights [weight: d, bias (optional): d] -> c / sqrt(mean(c^2) + eps) * weight +
 * bias, where c = x - mean(x). */
typedef struct sf_norm_params {
  float eps;
} sf_norm_params;

/* add_positions: x: d, a SF_VALUE_ROWS; weight [n_positions, d] -> x + the row of each token's
 * position, counted from `first_row`. */
typedef struct sf_positions_params {
  uint32_t first_row;
} sf_positions_params;

enum {
  SF_ROPE_ADJACENT = 0, /* rotates pairs (2i, 2i+1): llama's GGUF layout */
  SF_ROPE_HALVES = 1,   /* rotates pairs (i, i + n_rot/2): "neox" */
};

/* rope: x: n_heads * head_dim -> the same, rotated by the tokens' positions (RoFormer, arXiv
 * 2104.09864). Pair i turns by theta_i = position * freq_base^(-2i/n_rot) / factor_i, where
 * factor_i is weight[i] (optional, [n_rot/2]) and 1 without it. Linear scaling multiplies theta by
 * freq_scale. YaRN (arXiv 2309.00071) where ext_factor != 0: theta = mix of theta * freq_scale and
 * theta by the ramp between beta_fast and beta_slow over original_context; the result is multiplied
 * by attn_factor * (1 + 0.1 ln(1 / freq_scale)) in that case, by attn_factor otherwise. */
typedef struct sf_rope_params {
  uint32_t n_heads;
  uint32_t head_dim;
  uint32_t n_rot; /* even, <= head_dim; the rest of a head passes through */
  uint32_t style;
  float freq_base;
  float freq_scale;
  float ext_factor;
  float attn_factor;
  float beta_fast;
  float beta_slow;
  uint32_t original_context;
} sf_rope_params;

/* kv_write: k: n_kv_heads * head_dim, v: likewise; stored at the tokens' slots of `layer` of the KV
 * storage, in its dtype. F16 may be kept as integers with a scale for each position's key and value
 * of a head, to half a 32,700th of its norm, which take 4 bytes more and head_dim rounded up to 32.
 */
typedef struct sf_kv_params {
  uint32_t layer; /* of the storage, not of the model */
} sf_kv_params;

/* attention: q: n_heads * head_dim -> the same. Causal over the token's sequence: positions 0 ..
 * own. */
typedef struct sf_attention_params {
  uint32_t layer; /* of the storage */
  uint32_t n_heads;
  uint32_t n_kv_heads;
  uint32_t head_dim;
  float scale;
} sf_attention_params;

/* activate: gate: d, up: d (optional) -> act(gate) * up, or act(gate). */
typedef struct sf_activate_params {
  uint32_t activation;
} sf_activate_params;

/* select: scores: d_ff -> active list of the resident neurons for which any token has score >
 * threshold, or |act(score)| > threshold with SF_GATE_ABS_ABOVE; the mask says which tokens.
 * Without neurons (SF_NONE) all d_ff are looked at. */
typedef struct sf_select_params {
  uint32_t rule;       /* SF_GATE_POSITIVE: score > threshold; SF_GATE_ABS_ABOVE */
  uint32_t activation; /* used by SF_GATE_ABS_ABOVE */
  float threshold;
} sf_select_params;

/* neuron_ffn: x: d_model, active (optional), gates: d_ff (optional; from neuron_gate) -> d_model,
 * this device's share of the FFN: for each resident neuron of the list (all of them without a
 * list), and each token of its mask, act(gate) * up * down, summed; the neuron's bias is added to
 * the gate, or to up where there is none. Where the gate rule says no, up
 * and down are not read; SF_GATE_ABS_ABOVE: |act(gate)| times the neuron's gate weight is not over
 * the threshold, or no number. One partial sum per chunk_neurons of the neurons that a backend sums
 * up (those of the list, or those that fired), added in their order; 0: the backend's constant. */
typedef struct sf_neuron_ffn_params {
  uint32_t activation;
  uint32_t gate_rule;
  float gate_threshold;
  uint32_t chunk_neurons;
} sf_neuron_ffn_params;

#ifdef __cplusplus
}
#endif
#endif
