#include "core/model/synth/synth_model.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/model/synth/gate_rows.hpp"
#include "core/model/synth/norm_row.hpp"
#include "core/model/synth/output_rows.hpp"
#include "core/model/synth/predictor_rows.hpp"
#include "core/model/synth/random_rows.hpp"

namespace synfire::synth {

SynthModel::SynthModel(const Request& request)
    : request_(request),
      design_(request),
      random_(request.seed),
      noise_(random_.part(UINT64_MAX), std::max(request.shape.d_model, request.shape.d_ff)) {
  const Shape& shape = request_.shape;
  const BlockPool& embedding = pool(1, shape.d_model);
  const CounterRandom embedding_random = next_random();
  const auto constant = static_cast<float>(design_.constant);
  add("token_embd.weight", shape.d_model, shape.n_vocab,
      std::make_unique<RandomRows>(embedding, embedding_random, shape.d_model,
                                   RandomRowsOptions{.head = constant}));
  for (std::uint32_t layer = 0; layer < shape.n_layers; ++layer) {
    const std::string prefix = fmt::format("blk.{}.", layer);
    add_attention(prefix);
    add_ffn(layer, prefix);
  }
  add_norm("output_norm.weight", false);
  add("output.weight", shape.d_model, shape.n_vocab,
      std::make_unique<OutputRows>(pool(design_.output, shape.d_model), next_random(),
                                   embedding_random, shape.d_model, shape.n_vocab,
                                   design_.matched_output));
}

const Tensor* SynthModel::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &Tensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

void SynthModel::add(std::string name, std::uint64_t cols, std::uint64_t rows,
                     std::unique_ptr<RowSource> source) {
  tensors_.push_back({std::move(name), request_.dtype, {cols, rows}, std::move(source)});
}

void SynthModel::add_norm(std::string name, bool sees_constant) {
  const std::uint32_t d_model = request_.shape.d_model;
  tensors_.push_back({std::move(name),
                      DType::f32,
                      {d_model},
                      std::make_unique<NormRow>(d_model, sees_constant ? 1.0F : 0.0F)});
}

const BlockPool& SynthModel::pool(float scale, std::uint32_t row_elements) {
  for (const auto& [known, pool] : pools_)
    if (known == scale && row_elements % pool->chunk() == 0) return *pool;
  pools_.emplace_back(scale,
                      std::make_unique<BlockPool>(noise_, request_.dtype, scale, row_elements));
  return *pools_.back().second;
}

void SynthModel::add_attention(const std::string& prefix) {
  const Shape& shape = request_.shape;
  const std::uint32_t d_model = shape.d_model;
  const std::uint32_t d_kv = shape.n_kv_heads * shape.head_dim();
  const auto add_random = [&](const char* name, float scale, std::uint32_t rows,
                              RandomRowsOptions options = {}) {
    add(prefix + name, d_model, rows,
        std::make_unique<RandomRows>(pool(scale, d_model), next_random(), d_model, options));
  };
  add_norm(prefix + "attn_norm.weight", false);
  add_random("attn_q.weight", design_.qk, d_model);
  add_random("attn_k.weight", design_.qk, d_kv);
  add_random("attn_v.weight", design_.v, d_kv);
  add_random("attn_output.weight", design_.attn_output, d_model, {.skips_constant = true});
}

void SynthModel::add_ffn(std::uint32_t layer, const std::string& prefix) {
  const Shape& shape = request_.shape;
  const std::uint32_t d_model = shape.d_model, d_ff = shape.d_ff;
  const NeuronMix& mix = *mixes_.emplace_back(
      std::make_unique<NeuronMix>(design_, noise_, next_random(), layer, d_model));
  add_norm(prefix + "ffn_norm.weight", true);
  add(prefix + std::string(deciding()) + ".weight", d_model, d_ff,
      std::make_unique<GateRows>(mix, next_random(), request_.dtype));
  if (deciding() != "ffn_up")
    add(prefix + "ffn_up.weight", d_model, d_ff,
        std::make_unique<RandomRows>(pool(design_.ffn_in, d_model), next_random(), d_model,
                                     RandomRowsOptions{.head = 0.0F}));
  if (request_.layout == Layout::dense)
    add(prefix + "ffn_down.weight", d_ff, d_model,
        std::make_unique<RandomRows>(pool(design_.ffn_down, d_ff), next_random(), d_ff,
                                     RandomRowsOptions{.skips_constant = true}));
  else
    add(prefix + "ffn_down_t.weight", d_model, d_ff,
        std::make_unique<RandomRows>(pool(design_.ffn_down, d_model), next_random(), d_model,
                                     RandomRowsOptions{.head = 0.0F}));
  if (request_.predictor_rank > 0) add_predictor(mix, prefix);
}

void SynthModel::add_predictor(const NeuronMix& mix, const std::string& prefix) {
  const std::uint32_t rank = request_.predictor_rank;
  add(prefix + "fc1.weight", request_.shape.d_model, rank,
      std::make_unique<HiddenRows>(mix, rank, request_.dtype));
  add(prefix + "fc2.weight", rank, request_.shape.d_ff,
      std::make_unique<ScoreRows>(mix, rank, request_.dtype));
}

}  // namespace synfire::synth
