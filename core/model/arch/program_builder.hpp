#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// Writes the ops of a family's program. Weights are looked up in the file and their shapes checked;
// the first error is kept and given by finish(), so builders read straight down.
class ProgramBuilder {
 public:
  ProgramBuilder(const GgufFile& file, Hparams hparams);

  [[nodiscard]] const Hparams& hparams() const { return program_.hparams; }
  [[nodiscard]] bool has(const std::string& tensor) const {
    return file_.tensor(tensor) != nullptr;
  }

  // Ops append to the list that is open: the prologue first.
  void begin_layer(ValueId input);
  void begin_epilogue();

  ValueId embed(const std::string& weight);
  ValueId rms_norm(ValueId x, const std::string& weight);
  // `<name>.weight`, and `<name>.bias` where the file has it.
  ValueId layer_norm(ValueId x, const std::string& name);
  // Learned positions: a row each, that of position 0 being `first_row`.
  ValueId add_positions(ValueId x, const std::string& weight, std::uint32_t first_row);
  // Bias `<name>.bias` is taken where the file has it; the weight is `<name>.weight`.
  ValueId linear(ValueId x, const std::string& name, std::uint32_t rows);
  // A fused matrix `<name>.weight`, a value for each run of its rows; bias as above.
  std::vector<ValueId> fused_linear(ValueId x, const std::string& name,
                                    const std::vector<std::uint32_t>& rows);
  ValueId rope(ValueId x, std::uint32_t n_heads, std::uint32_t style);
  // Stores k and v, then attends.
  ValueId attention(ValueId q, ValueId k, ValueId v);
  ValueId add(ValueId a, ValueId b);
  ValueId gather_wanted(ValueId x);
  // `gated`: with `<prefix>ffn_gate`. `residual` is the residual stream before the FFN norm. Biases
  // of up and down are taken where the file has them; beside gates an error.
  ValueId ffn(ValueId input, ValueId residual, const std::string& prefix, bool gated);

  // The output matrix, which is the embedding's where there is none, and the program.
  Result<Program> finish_with_head(ValueId last);
  Result<Program> finish(ValueId logits);

 private:
  ValueId value(std::uint32_t width, bool wanted = false);
  ValueId same_as(ValueId x);
  WeightId weight(const std::string& name, std::uint64_t rows, std::uint64_t cols);
  WeightId part_of(WeightId whole, std::uint32_t first, std::uint32_t n);
  WeightId optional_vector(const std::string& name, std::uint64_t width);
  ValueId emit(std::uint32_t id, std::vector<ValueId> inputs, ValueId output,
               std::vector<WeightId> weights, OpParams params);

  const GgufFile& file_;
  Program program_;
  std::vector<ProgramOp>* open_;  // where emit() appends
  Status error_;
};

}  // namespace synfire
