#include "core/model/arch/program_builder.hpp"

#include <cmath>
#include <numeric>
#include <utility>

namespace synfire {

ProgramBuilder::ProgramBuilder(const GgufFile& file, Hparams hparams)
    : file_(file), open_(&program_.prologue) {
  program_.hparams = std::move(hparams);
  program_.layers.reserve(program_.hparams.n_layers);  // open_ points into it
}

void ProgramBuilder::begin_layer(ValueId input) {
  ProgramLayer& layer = program_.layers.emplace_back();
  layer.layer_input = input;
  open_ = &layer.before_ffn;
}

void ProgramBuilder::begin_epilogue() { open_ = &program_.epilogue; }

ValueId ProgramBuilder::value(std::uint32_t width, bool wanted) {
  program_.values.push_back({width, wanted});
  return static_cast<ValueId>(program_.values.size() - 1);
}

ValueId ProgramBuilder::same_as(ValueId x) {
  const ProgramValue like = program_.values[x];
  return value(like.width, like.wanted_rows);
}

WeightId ProgramBuilder::weight(const std::string& name, std::uint64_t rows, std::uint64_t cols) {
  const Result<const GgufTensor*> tensor = file_.require_tensor(name);
  Status status = tensor.status();
  if (status.ok()) {
    const std::array<std::uint64_t, 2> wanted{cols, rows};
    const bool is_vector = rows == 1 && (*tensor)->n_dims == 1;
    status = (*tensor)->check_shape(std::span(wanted).first(is_vector ? 1 : 2));
    if (status.ok() && !dtype_info((*tensor)->dtype).is_weight)
      status = invalid_argument("tensor {}: dtype {}, want that of a weight", name,
                                dtype_info((*tensor)->dtype).name);
    status = status.ok() ? status : status.with_context(file_.path());
  }
  if (error_.ok()) error_ = status;
  program_.weights.push_back({name, rows, cols});
  return static_cast<WeightId>(program_.weights.size() - 1);
}

WeightId ProgramBuilder::optional_vector(const std::string& name, std::uint64_t width) {
  return has(name) ? weight(name, 1, width) : kNone;
}

ValueId ProgramBuilder::emit(std::uint32_t id, std::vector<ValueId> inputs, ValueId output,
                             std::vector<WeightId> weights, OpParams params) {
  std::vector<ValueId> outputs;
  if (output != kNone) outputs.push_back(output);
  open_->push_back({id, std::move(inputs), std::move(outputs), std::move(weights), params});
  return output;
}

ValueId ProgramBuilder::embed(const std::string& name) {
  const Hparams& h = hparams();
  return emit(SF_OP_EMBED, {}, value(h.d_model), {weight(name, h.n_vocab, h.d_model)},
              sf_embed_params{1.0F});
}

ValueId ProgramBuilder::rms_norm(ValueId x, const std::string& name) {
  const std::uint32_t width = program_.values[x].width;
  return emit(SF_OP_RMS_NORM, {x}, same_as(x), {weight(name, 1, width)},
              sf_norm_params{hparams().norm_eps});
}

ValueId ProgramBuilder::layer_norm(ValueId x, const std::string& name) {
  const std::uint32_t width = program_.values[x].width;
  const WeightId factors = weight(name + ".weight", 1, width);
  return emit(SF_OP_LAYER_NORM, {x}, same_as(x), {factors, optional_vector(name + ".bias", width)},
              sf_norm_params{hparams().norm_eps});
}

ValueId ProgramBuilder::add_positions(ValueId x, const std::string& name, std::uint32_t first_row) {
  const std::uint64_t rows = std::uint64_t{hparams().context} + first_row;
  return emit(SF_OP_ADD_POSITIONS, {x}, same_as(x), {weight(name, rows, hparams().d_model)},
              sf_positions_params{first_row});
}

std::vector<ValueId> ProgramBuilder::fused_linear(ValueId x, const std::string& name,
                                                  const std::vector<std::uint32_t>& rows) {
  const std::uint32_t cols = program_.values[x].width;
  const std::uint32_t all = std::accumulate(rows.begin(), rows.end(), 0U);
  const WeightId matrix = weight(name + ".weight", all, cols);
  const WeightId bias = optional_vector(name + ".bias", all);
  std::vector<ValueId> parts;
  std::uint32_t first = 0;
  for (const std::uint32_t n : rows) {
    const WeightId part = part_of(matrix, first, n);
    const WeightId part_bias = bias == kNone ? kNone : part_of(bias, first, n);
    parts.push_back(emit(SF_OP_LINEAR, {x}, value(n, program_.values[x].wanted_rows),
                         {part, part_bias}, sf_no_params{}));
    first += n;
  }
  return parts;
}

// Of a matrix n rows, of a vector n elements.
WeightId ProgramBuilder::part_of(WeightId whole, std::uint32_t first, std::uint32_t n) {
  ProgramWeight part = program_.weights[whole];
  part.first = first;
  (part.rows == 1 ? part.cols : part.rows) = n;
  program_.weights.push_back(part);
  return static_cast<WeightId>(program_.weights.size() - 1);
}

ValueId ProgramBuilder::linear(ValueId x, const std::string& name, std::uint32_t rows) {
  const ProgramValue in = program_.values[x];
  const WeightId bias = optional_vector(name + ".bias", rows);
  const WeightId matrix = weight(name + ".weight", rows, in.width);
  return emit(SF_OP_LINEAR, {x}, value(rows, in.wanted_rows), {matrix, bias}, sf_no_params{});
}

ValueId ProgramBuilder::rope(ValueId x, std::uint32_t n_heads, std::uint32_t style) {
  sf_rope_params params = hparams().rope;
  params.n_heads = n_heads;
  params.style = style;
  const WeightId factors =
      has("rope_freqs.weight") ? weight("rope_freqs.weight", 1, params.n_rot / 2) : kNone;
  return emit(SF_OP_ROPE, {x}, same_as(x), {factors}, params);
}

ValueId ProgramBuilder::attention(ValueId q, ValueId k, ValueId v) {
  const Hparams& h = hparams();
  const auto layer = static_cast<std::uint32_t>(program_.layers.size() - 1);
  emit(SF_OP_KV_WRITE, {k, v}, kNone, {}, sf_kv_params{layer});
  const float scale = 1.0F / std::sqrt(static_cast<float>(h.head_dim));
  return emit(SF_OP_ATTENTION, {q}, same_as(q), {},
              sf_attention_params{layer, h.n_heads, h.n_kv_heads, h.head_dim, scale});
}

ValueId ProgramBuilder::add(ValueId a, ValueId b) {
  return emit(SF_OP_ADD, {a, b}, same_as(a), {}, sf_no_params{});
}

ValueId ProgramBuilder::gather_wanted(ValueId x) {
  return emit(SF_OP_GATHER_WANTED, {x}, value(program_.values[x].width, true), {}, sf_no_params{});
}

ValueId ProgramBuilder::ffn(ValueId input, ValueId residual, const std::string& prefix,
                            bool gated) {
  const Hparams& h = hparams();
  ProgramLayer& layer = program_.layers.back();
  layer.ffn_residual = residual;
  ProgramFfn& ffn = layer.ffn;
  ffn.input = input;
  ffn.output = value(h.d_model);
  ffn.gate = gated ? weight(prefix + "ffn_gate.weight", h.d_ff, h.d_model) : kNone;
  ffn.up = weight(prefix + "ffn_up.weight", h.d_ff, h.d_model);
  ffn.down_is_neuron_major = has(prefix + "ffn_down_t.weight");
  ffn.down = ffn.down_is_neuron_major ? weight(prefix + "ffn_down_t.weight", h.d_ff, h.d_model)
                                      : weight(prefix + "ffn_down.weight", h.d_model, h.d_ff);
  ffn.bias = optional_vector(prefix + "ffn_up.bias", h.d_ff);
  for (const char* const part : {"ffn_gate.bias", "ffn_up.bias"})
    if (gated && has(prefix + part) && error_.ok())
      error_ = error(StatusCode::unimplemented, "{}: tensor {}{}: a bias beside gates",
                     file_.path(), prefix, part);
  open_ = &layer.after_ffn;
  const WeightId down_bias = optional_vector(prefix + "ffn_down.bias", h.d_model);
  if (down_bias == kNone) return ffn.output;
  return emit(SF_OP_ADD_ROW, {ffn.output}, same_as(ffn.output), {down_bias}, sf_no_params{});
}

Result<Program> ProgramBuilder::finish_with_head(ValueId last) {
  return finish(linear(last, has("output.weight") ? "output" : "token_embd", hparams().n_vocab));
}

Result<Program> ProgramBuilder::finish(ValueId logits) {
  if (!error_.ok()) return error_;
  program_.logits = logits;
  return std::move(program_);
}

}  // namespace synfire
