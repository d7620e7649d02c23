#pragma once

#include <cstdint>
#include <string>

#include "plugins/abi/synfire_predictor.h"
#include "plugins/sdk/dtype.hpp"
#include "plugins/sdk/op_check.hpp"

namespace synfire::sdk {

// What plugins/sdk/ops.h says about the operands of one op: which must be there, their kinds and
// widths, and the range of its parameters. Made per op at compile time (and by supports()), so that
// kernels need no check of their own. Throws Error naming the op, the thing, the got and the
// wanted.
class OpShapes {
 public:
  OpShapes(const OpQuery& query, const OpInfo& info) : query_(query), info_(info) {}

  void check() const {
    check_presence();
    for (std::uint32_t i = 0; i < info_.n_weights; ++i)
      if (has_weight(i)) check_weight_dtype(i);
    switch (info_.id) {
      case SF_OP_COPY: return same_value(output(0), input(0), "output");
      case SF_OP_EMBED: return check_embed();
      case SF_OP_RMS_NORM: return check_rms_norm();
      case SF_OP_LAYER_NORM: return check_layer_norm();
      case SF_OP_ADD_ROW: return check_rms_norm();  // the same operands
      case SF_OP_ADD_POSITIONS: return check_add_positions(params<sf_positions_params>());
      case SF_OP_LINEAR: return check_linear();
      case SF_OP_ROPE: return check_rope(params<sf_rope_params>());
      case SF_OP_KV_WRITE: return check_kv_write(params<sf_kv_params>());
      case SF_OP_ATTENTION: return check_attention(params<sf_attention_params>());
      case SF_OP_ADD: return check_add();
      case SF_OP_ACTIVATE: return check_activate(params<sf_activate_params>());
      case SF_OP_GATHER_WANTED: return check_gather_wanted();
      case SF_OP_NEURON_GATE: return check_neuron_gate();
      case SF_OP_SELECT: return check_select(params<sf_select_params>());
      case SF_OP_NEURON_FFN: return check_neuron_ffn(params<sf_neuron_ffn_params>());
      case SF_OP_SIGN_LINEAR: return check_sign_linear();
      default: return;
    }
  }

 private:
  // ---- Operands ----
  [[nodiscard]] bool has_input(std::uint32_t i) const { return query_.op.inputs[i] != SF_NONE; }
  [[nodiscard]] bool has_weight(std::uint32_t i) const { return query_.op.weights[i] != SF_NONE; }
  [[nodiscard]] const sf_value_desc& input(std::uint32_t i) const {
    return query_.values[query_.op.inputs[i]];
  }
  [[nodiscard]] const sf_value_desc& output(std::uint32_t i) const {
    return query_.values[query_.op.outputs[i]];
  }
  [[nodiscard]] const sf_tensor_desc& weight(std::uint32_t i) const { return query_.weights[i]; }
  template <typename Params>
  [[nodiscard]] const Params& params() const {
    return *static_cast<const Params*>(query_.op.params);
  }

  // ---- Wishes ----
  [[noreturn]] void fail(const std::string& text) const {
    throw Error(kInvalidArgument, std::string("op ") + info_.name + ": " + text);
  }
  void want(bool good, const std::string& what) const {
    if (!good) fail(what);
  }
  void want_equal(std::uint64_t got, std::uint64_t wanted, const char* what) const {
    if (got != wanted)
      fail(std::string(what) + " " + std::to_string(got) + ", want " + std::to_string(wanted));
  }
  void same_value(const sf_value_desc& got, const sf_value_desc& wanted, const char* what) const {
    want(got.kind == wanted.kind, std::string(what) + ": kind " + std::to_string(got.kind) +
                                      ", want " + std::to_string(wanted.kind));
    want(got.width == wanted.width, std::string(what) + ": width " + std::to_string(got.width) +
                                        ", want " + std::to_string(wanted.width));
  }
  void value(const sf_value_desc& got, std::uint32_t kind, std::uint64_t width,
             const char* what) const {
    want(width <= UINT32_MAX, std::string(what) + ": width " + std::to_string(width) + " too big");
    same_value(got, {kind, static_cast<std::uint32_t>(width)}, what);
  }
  void rows_of_floats(const sf_value_desc& got, const char* what) const {
    want(got.kind == SF_VALUE_ROWS || got.kind == SF_VALUE_WANTED_ROWS,
         std::string(what) + " is not rows of floats");
  }
  void weight_shape(std::uint32_t i, std::uint64_t rows, std::uint64_t cols) const {
    const sf_tensor_desc& got = weight(i);
    if (got.rows != rows || got.cols != cols)
      fail(std::string("weight ") + (got.name == nullptr ? "" : got.name) + ": shape [" +
           std::to_string(got.rows) + ", " + std::to_string(got.cols) + "], want [" +
           std::to_string(rows) + ", " + std::to_string(cols) + "]");
  }
  void known_activation(std::uint32_t activation) const {
    want(activation >= SF_ACTIVATION_SILU && activation <= SF_ACTIVATION_DRELU,
         std::string("activation number ") + std::to_string(activation) + " is unknown");
  }

  // ---- Checks ----
  [[nodiscard]] bool optional_input(std::uint32_t i) const {
    return (info_.id == SF_OP_ACTIVATE && i == 1) || (info_.id == SF_OP_NEURON_FFN && i >= 1);
  }
  [[nodiscard]] bool optional_weight(std::uint32_t i) const {
    const bool has_bias =
        info_.id == SF_OP_LINEAR || info_.id == SF_OP_SIGN_LINEAR || info_.id == SF_OP_LAYER_NORM;
    return (has_bias && i == 1) || info_.id == SF_OP_ROPE;
  }
  void check_presence() const {
    for (std::uint32_t i = 0; i < info_.n_inputs; ++i)
      want(has_input(i) || optional_input(i),
           std::string("input ") + std::to_string(i) + " is absent");
    for (std::uint32_t i = 0; i < info_.n_weights; ++i)
      want(has_weight(i) || optional_weight(i),
           std::string("weight ") + std::to_string(i) + " is absent");
    want(query_.neurons != nullptr || !info_.uses_neurons || info_.id == SF_OP_SELECT,
         "neurons are absent");
    want(query_.kv != nullptr || !info_.uses_kv, "KV storage is absent");
  }
  void check_weight_dtype(std::uint32_t i) const {
    const DTypeInfo* const info = find_dtype(weight(i).dtype);
    if (info_.id == SF_OP_SIGN_LINEAR && i == 0)
      return want(info != nullptr && info->dtype == DType::i8,
                  "signs of dtype number " + std::to_string(weight(i).dtype) + ", want I8");
    if (info == nullptr || !info->is_weight)
      throw Error(kUnimplemented, std::string("op ") + info_.name + ": weight dtype number " +
                                      std::to_string(weight(i).dtype) + " is unknown");
    want(weight(i).cols % info->block_size == 0,
         std::string("weight row of ") + std::to_string(weight(i).cols) +
             " elements, want a multiple of " + std::to_string(info->block_size));
  }
  void check_embed() const { value(output(0), SF_VALUE_ROWS, weight(0).cols, "output"); }
  void check_rms_norm() const {
    rows_of_floats(input(0), "input");
    same_value(output(0), input(0), "output");
    weight_shape(0, 1, input(0).width);
  }
  void check_layer_norm() const {
    check_rms_norm();
    if (has_weight(1)) weight_shape(1, 1, input(0).width);
  }
  void check_add_positions(const sf_positions_params& positions) const {
    value(input(0), SF_VALUE_ROWS, weight(0).cols, "input");
    same_value(output(0), input(0), "output");
    want(positions.first_row < weight(0).rows,
         std::string("first_row ") + std::to_string(positions.first_row) + ", want less than " +
             std::to_string(weight(0).rows));
  }
  void check_linear() const {
    rows_of_floats(input(0), "input");
    value(output(0), input(0).kind, weight(0).rows, "output");
    weight_shape(0, output(0).width, input(0).width);
    if (has_weight(1)) weight_shape(1, 1, output(0).width);
  }
  void check_sign_linear() const {
    rows_of_floats(input(0), "input");
    value(output(0), input(0).kind, weight(0).rows, "output");
    weight_shape(0, output(0).width, (std::uint64_t{input(0).width} + 7) / 8);
    if (has_weight(1)) weight_shape(1, 1, output(0).width);
  }
  void check_rope(const sf_rope_params& rope) const {
    value(input(0), SF_VALUE_ROWS, std::uint64_t{rope.n_heads} * rope.head_dim, "input");
    same_value(output(0), input(0), "output");
    want(rope.n_rot % 2 == 0 && rope.n_rot <= rope.head_dim,
         std::string("n_rot ") + std::to_string(rope.n_rot) + ", want an even number up to " +
             std::to_string(rope.head_dim));
    want(rope.style <= SF_ROPE_HALVES,
         std::string("style ") + std::to_string(rope.style) + " is unknown");
    want(rope.freq_base > 0,
         std::string("freq_base ") + std::to_string(rope.freq_base) + ", want more than 0");
    want(rope.ext_factor == 0 || (rope.original_context > 0 && rope.freq_scale > 0),
         "YaRN wants original_context and freq_scale over 0");
    if (has_weight(0)) weight_shape(0, 1, rope.n_rot / 2);
  }
  void check_layer(std::uint32_t layer) const {
    want(layer < query_.kv->n_layers, std::string("layer ") + std::to_string(layer) +
                                          ", want less than " +
                                          std::to_string(query_.kv->n_layers));
  }
  void check_kv_write(const sf_kv_params& kv) const {
    const std::uint64_t width = std::uint64_t{query_.kv->n_kv_heads} * query_.kv->head_dim;
    value(input(0), SF_VALUE_ROWS, width, "k");
    value(input(1), SF_VALUE_ROWS, width, "v");
    check_layer(kv.layer);
  }
  void check_attention(const sf_attention_params& attention) const {
    want_equal(attention.n_kv_heads, query_.kv->n_kv_heads, "n_kv_heads");
    want_equal(attention.head_dim, query_.kv->head_dim, "head_dim");
    want(attention.n_heads % attention.n_kv_heads == 0, std::to_string(attention.n_heads) +
                                                            " heads, want a multiple of " +
                                                            std::to_string(attention.n_kv_heads));
    value(input(0), SF_VALUE_ROWS, std::uint64_t{attention.n_heads} * attention.head_dim, "q");
    same_value(output(0), input(0), "output");
    check_layer(attention.layer);
  }
  void check_add() const {
    rows_of_floats(input(0), "input 0");
    same_value(input(1), input(0), "input 1");
    same_value(output(0), input(0), "output");
  }
  void check_activate(const sf_activate_params& activate) const {
    known_activation(activate.activation);
    rows_of_floats(input(0), "gate");
    if (has_input(1)) same_value(input(1), input(0), "up");
    same_value(output(0), input(0), "output");
    want(has_input(1) || activate.activation != SF_ACTIVATION_DRELU, "drelu wants gate and up");
  }
  void check_gather_wanted() const {
    value(input(0), SF_VALUE_ROWS, input(0).width, "input");
    value(output(0), SF_VALUE_WANTED_ROWS, input(0).width, "output");
  }
  void check_neuron_gate() const {
    value(input(0), SF_VALUE_ROWS, query_.neurons->d_model, "input");
    value(output(0), SF_VALUE_ROWS, query_.neurons->d_ff, "output");
  }
  void check_select(const sf_select_params& select) const {
    want(select.rule == SF_GATE_POSITIVE || select.rule == SF_GATE_ABS_ABOVE,
         std::string("rule number ") + std::to_string(select.rule) + ", want 1 or 2");
    if (select.rule == SF_GATE_ABS_ABOVE) known_activation(select.activation);
    value(input(0), SF_VALUE_ROWS,
          query_.neurons == nullptr ? input(0).width : query_.neurons->d_ff, "scores");
    value(output(0), SF_VALUE_ACTIVE, input(0).width, "output");
  }
  void check_neuron_ffn(const sf_neuron_ffn_params& ffn) const {
    known_activation(ffn.activation);
    want(ffn.gate_rule <= SF_GATE_ABS_ABOVE,
         std::string("gate rule number ") + std::to_string(ffn.gate_rule) + " is unknown");
    want(query_.neurons->gated != 0 || ffn.activation != SF_ACTIVATION_DRELU,
         "drelu wants gate rows");
    value(input(0), SF_VALUE_ROWS, query_.neurons->d_model, "x");
    if (has_input(1)) value(input(1), SF_VALUE_ACTIVE, query_.neurons->d_ff, "active");
    if (has_input(2)) value(input(2), SF_VALUE_ROWS, query_.neurons->d_ff, "gates");
    value(output(0), SF_VALUE_ROWS, query_.neurons->d_model, "output");
  }

  const OpQuery& query_;
  const OpInfo& info_;
};

// Checks counts and shapes of an op outside a stage, for supports(): what OpShapes throws, and
// UNIMPLEMENTED for an op that the table lacks.
inline void check_shapes(const OpQuery& query) {
  const OpInfo* const info = find_op(query.op.id);
  if (info == nullptr)
    throw Error(kUnimplemented,
                std::string("op number ") + std::to_string(query.op.id) + " is unknown");
  if (query.op.n_inputs != info->n_inputs || query.op.n_outputs != info->n_outputs ||
      query.op.n_weights != info->n_weights || query.op.params_size != info->params_size)
    throw Error(kInvalidArgument, std::string("op ") + info->name + ": operand counts differ");
  OpShapes(query, *info).check();
}

}  // namespace synfire::sdk
