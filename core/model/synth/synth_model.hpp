#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/synth/base_noise.hpp"
#include "core/model/synth/block_pool.hpp"
#include "core/model/synth/design.hpp"
#include "core/model/synth/neuron_mix.hpp"
#include "core/model/synth/row_source.hpp"
#include "core/model/synth/synth_request.hpp"

namespace synfire::synth {

struct Tensor {
  std::string name;
  DType dtype;
  std::vector<std::uint64_t> shape;  // [0] contiguous
  std::unique_ptr<RowSource> source;

  [[nodiscard]] std::uint64_t rows() const { return shape.size() > 1 ? shape[1] : 1; }
  [[nodiscard]] std::size_t row_bytes() const { return synfire::row_bytes(dtype, shape[0]); }
};

// The tensors of a synthetic model, in the order of the file: their rows are made when they are
// asked for, so a model of any size takes some MiB. Immutable; any thread reads it.
class SynthModel {
 public:
  // `request` has been through checked().
  explicit SynthModel(const Request& request);
  SynthModel(const SynthModel&) = delete;
  SynthModel& operator=(const SynthModel&) = delete;

  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] const Design& design() const { return design_; }
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  // Null where there is none of that name.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
  // "ffn_gate", or "ffn_up" in families without gate: whose rows decide what fires.
  [[nodiscard]] std::string_view deciding() const {
    return request_.family == "arcee" ? "ffn_up" : "ffn_gate";
  }

 private:
  void add_attention(const std::string& prefix);
  void add_ffn(std::uint32_t layer, const std::string& prefix);
  void add_predictor(const NeuronMix& mix, const std::string& prefix);
  void add(std::string name, std::uint64_t cols, std::uint64_t rows,
           std::unique_ptr<RowSource> source);
  void add_norm(std::string name, bool sees_constant);
  const BlockPool& pool(float scale, std::uint32_t row_elements);
  // Of the tensor that is added next.
  [[nodiscard]] CounterRandom next_random() const { return random_.part(tensors_.size()); }

  Request request_;
  Design design_;
  CounterRandom random_;
  BaseNoise noise_;
  std::vector<std::pair<float, std::unique_ptr<BlockPool>>> pools_;  // by scale
  std::vector<std::unique_ptr<NeuronMix>> mixes_;                    // by layer
  std::vector<Tensor> tensors_;
};

}  // namespace synfire::synth
