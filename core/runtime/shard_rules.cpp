#include "core/runtime/shard_rules.hpp"

#include <numeric>

namespace synfire {
namespace {

// The least number of things of `width` columns each that are whole blocks of `tensor`.
std::uint32_t run_of(const GgufFile& file, const std::string& tensor, std::uint64_t width) {
  const std::uint64_t block = dtype_info(file.tensor(tensor)->dtype).block_size;
  return static_cast<std::uint32_t>(block / std::gcd(block, width));
}

}  // namespace

std::set<ValueId> head_values(const std::vector<ProgramOp>& ops) {
  std::set<ValueId> values;
  for (const ProgramOp& op : ops) {
    if (op.id != SF_OP_ROPE && op.id != SF_OP_KV_WRITE && op.id != SF_OP_ATTENTION) continue;
    values.insert(op.inputs.begin(), op.inputs.end());
    values.insert(op.outputs.begin(), op.outputs.end());
  }
  return values;
}

ShardRuns shard_runs(const Program& program, const GgufFile& file, std::uint32_t group_size) {
  ShardRuns runs;
  for (const ProgramLayer& layer : program.layers) {
    const std::set<ValueId> by_heads = head_values(layer.before_ffn);
    for (const ProgramOp& op : layer.before_ffn) {
      if (op.id != SF_OP_LINEAR || !by_heads.contains(op.inputs[0])) continue;
      const ProgramWeight& weight = program.weights[op.weights[0]];
      runs.kv_heads = std::lcm(runs.kv_heads,
                               run_of(file, weight.name, weight.cols / program.hparams.n_kv_heads));
    }
    if (!layer.ffn.down_is_neuron_major)
      runs.groups =
          std::lcm(runs.groups, run_of(file, program.weights[layer.ffn.down].name, group_size));
  }
  return runs;
}

}  // namespace synfire
