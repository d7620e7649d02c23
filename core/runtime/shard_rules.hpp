#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"

// How placement `shard` divides a program: by what its ops say, for any family.
namespace synfire {

// The values that have a part for each head: what RoPE, the KV cache and attention take and give. A
// linear op that gives such a value is divided by rows, one that takes it by columns, so that its
// results are partial sums.
[[nodiscard]] std::set<ValueId> head_values(const std::vector<ProgramOp>& ops);

// Columns of a matrix cannot be cut inside of a quantization block: the least runs of KV heads (by
// the attention output's) and of `group_size` neurons (by `down`'s) that end with one.
struct ShardRuns {
  std::uint32_t kv_heads = 1;
  std::uint32_t groups = 1;
};
[[nodiscard]] ShardRuns shard_runs(const Program& program, const GgufFile& file,
                                   std::uint32_t group_size);

}  // namespace synfire
