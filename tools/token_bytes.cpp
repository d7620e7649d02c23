#include "tools/token_bytes.hpp"

#include <vector>

#include "core/engine/kv_dtype.hpp"
#include "core/model/arch/families.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire::cli {
namespace {

class Counter {
 public:
  Counter(const GgufFile& file, const Program& program) : file_(file), program_(program) {}

  [[nodiscard]] double weight(WeightId id, bool one_row = false) const {
    if (id == kNone) return 0;
    const GgufTensor* const tensor = file_.tensor(program_.weights[id].name);
    if (tensor == nullptr) return 0;
    const auto bytes = static_cast<double>(tensor->data.size());
    return one_row ? bytes / static_cast<double>(tensor->rows()) : bytes;
  }
  [[nodiscard]] double ops(const std::vector<ProgramOp>& list) const {
    double bytes = 0;
    for (const ProgramOp& op : list) {
      for (const WeightId id : op.weights) bytes += weight(id, op.id == SF_OP_EMBED);
    }
    return bytes;
  }

 private:
  const GgufFile& file_;
  const Program& program_;
};

}  // namespace

Result<TokenBytes> count_token_bytes(const std::filesystem::path& model,
                                     const std::string& ffn_activation, const std::string& kv_dtype,
                                     double positions) {
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(model));
  SYNFIRE_ASSIGN_OR_RETURN(const Program program, build_program(file, ffn_activation));
  const Counter counter(file, program);
  TokenBytes bytes;
  bytes.embedding = counter.ops(program.prologue);
  bytes.head = counter.ops(program.epilogue);
  for (const ProgramLayer& layer : program.layers) {
    bytes.attention += counter.ops(layer.before_ffn) + counter.ops(layer.after_ffn);
    bytes.ffn += counter.weight(layer.ffn.gate) + counter.weight(layer.ffn.up) +
                 counter.weight(layer.ffn.down);
  }
  const Hparams& h = program.hparams;
  SYNFIRE_ASSIGN_OR_RETURN(const DType dtype, kv_dtype_of(kv_dtype, h.head_dim));
  bytes.kv = 2.0 * h.n_layers * h.n_kv_heads * static_cast<double>(row_bytes(dtype, h.head_dim)) *
             positions;
  return bytes;
}

}  // namespace synfire::cli
