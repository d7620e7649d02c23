#include "core/engine/batch_memory.hpp"

#include <algorithm>
#include <vector>

namespace synfire {
namespace {

template <typename T>
const T* append(std::byte*& at, const std::vector<T>& values) {
  T* const to = reinterpret_cast<T*>(at);
  std::copy(values.begin(), values.end(), to);
  at += values.size() * sizeof(T);
  return to;
}

}  // namespace

Result<BatchMemory> BatchMemory::make(const BatchLimits& limits) {
  BatchMemory memory;
  memory.limits_ = limits;
  const std::uint64_t numbers = std::uint64_t{4} * limits.max_tokens +
                                std::uint64_t{limits.max_sequences} * limits.max_blocks;
  SYNFIRE_ASSIGN_OR_RETURN(memory.region_, HostRegion::allocate(numbers * sizeof(std::uint32_t)));
  return memory;
}

Status BatchMemory::check(const StepBatch& b) const {
  if (b.tokens.empty() || b.n_tokens() > limits_.max_tokens)
    return invalid_argument("batch: {} tokens, want 1 to {}", b.tokens.size(), limits_.max_tokens);
  if (b.positions.size() != b.tokens.size() || b.sequences.size() != b.tokens.size())
    return invalid_argument("batch: {} tokens, but {} positions and {} sequences", b.tokens.size(),
                            b.positions.size(), b.sequences.size());
  if (b.max_blocks > limits_.max_blocks || b.n_sequences() > limits_.max_sequences ||
      b.n_sequences() * b.max_blocks != b.block_tables.size())
    return invalid_argument(
        "batch: block tables of {} entries in rows of {}, want at most {} rows of at most {}",
        b.block_tables.size(), b.max_blocks, limits_.max_sequences, limits_.max_blocks);
  for (const std::uint32_t sequence : b.sequences)
    if (sequence >= b.n_sequences())
      return invalid_argument("batch: sequence {}, want less than {}", sequence, b.n_sequences());
  for (const std::uint32_t token : b.wanted)
    if (token >= b.n_tokens())
      return invalid_argument("batch: wanted token {}, want less than {}", token, b.n_tokens());
  if (b.wanted.size() > b.tokens.size())
    return invalid_argument("batch: {} wanted tokens, want at most {}", b.wanted.size(),
                            b.tokens.size());
  return {};
}

sf_batch BatchMemory::fill(const StepBatch& b) {
  std::byte* at = region_.data();
  sf_batch made{};
  made.struct_size = sizeof(sf_batch);
  made.n_tokens = b.n_tokens();
  made.n_sequences = b.n_sequences();
  made.n_wanted = static_cast<std::uint32_t>(b.wanted.size());
  made.max_blocks = b.max_blocks;
  made.tokens = append(at, b.tokens);
  made.positions = append(at, b.positions);
  made.sequences = append(at, b.sequences);
  made.wanted = append(at, b.wanted);
  made.block_tables = append(at, b.block_tables);
  return made;
}

}  // namespace synfire
