#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/model/arch/hparams.hpp"
#include "plugins/sdk/ops.h"

// A model as data: what is computed, without a word of where. Op ids and parameters are those of
// plugins/sdk/ops.h.
namespace synfire {

using ValueId = std::uint32_t;
using WeightId = std::uint32_t;
inline constexpr std::uint32_t kNone = UINT32_MAX;  // an absent optional operand

// One row per token of the batch, or per token whose logits are wanted.
struct ProgramValue {
  std::uint32_t width;
  bool wanted_rows;
};

// A tensor of the model file, or rows of it, its shape checked: [rows, cols], cols contiguous.
struct ProgramWeight {
  std::string name;
  std::uint64_t rows, cols;
  // Where it is a part of the tensor: its first row, or of a vector its first element.
  std::uint64_t first = 0;
};

using OpParams = std::variant<sf_no_params, sf_embed_params, sf_norm_params, sf_rope_params,
                              sf_kv_params, sf_attention_params, sf_activate_params,
                              sf_select_params, sf_neuron_ffn_params, sf_positions_params>;

struct ParamBytes {
  const void* data;
  std::uint32_t size;
};
[[nodiscard]] ParamBytes param_bytes(const OpParams& params);

// Whether the op reads single rows of its weight, by tokens or positions.
[[nodiscard]] constexpr bool is_lookup(std::uint32_t op) {
  return op == SF_OP_EMBED || op == SF_OP_ADD_POSITIONS;
}

struct ProgramOp {
  std::uint32_t id;             // SF_OP_*
  std::vector<ValueId> inputs;  // kNone for an absent one
  std::vector<ValueId> outputs;
  std::vector<WeightId> weights;  // kNone for an absent one
  OpParams params;                // `layer` in KV and attention parameters is the model's
};

// A layer's FFN as neurons. How it runs (dense, sparse, split) is the placement's choice.
struct ProgramFfn {
  ValueId input;   // normed
  ValueId output;  // sum over all neurons
  WeightId gate;   // kNone: up rows decide
  WeightId up;
  WeightId bias = kNone;  // of the rows that decide: [d_ff]
  WeightId down;
  bool down_is_neuron_major;  // [d_ff, d_model] as in PowerInfer's files; [d_model, d_ff] otherwise
};

struct ProgramLayer {
  std::vector<ProgramOp> before_ffn;
  ProgramFfn ffn;
  std::vector<ProgramOp> after_ffn;
  // What predictors may look at.
  ValueId layer_input;   // residual stream into the layer
  ValueId ffn_residual;  // residual stream before the FFN norm
};

struct Program {
  Hparams hparams;
  std::vector<ProgramValue> values;
  std::vector<ProgramWeight> weights;
  std::vector<ProgramOp> prologue;
  std::vector<ProgramLayer> layers;
  std::vector<ProgramOp> epilogue;
  ValueId logits = kNone;  // rows for the tokens that want them
  // Of neuron-major copies of a `down` whose blocks run along the neurons.
  DType requantized_down = DType::f16;
};

}  // namespace synfire
