#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/ops/host_tensor.hpp"

namespace synfire::ops_test {

// A step's tokens in the test's own memory; TestStage copies them to memory that the device knows.
struct BatchSpec {
  std::vector<std::int32_t> tokens;
  std::vector<std::uint32_t> positions;
  std::vector<std::uint32_t> sequences;
  std::vector<std::uint32_t> wanted;
  std::vector<std::uint32_t> block_tables;  // [n_sequences, max_blocks]
  std::uint32_t n_sequences = 1;
  std::uint32_t max_blocks = 0;

  // n tokens of one sequence from position 0, all ids 0, no logits wanted, no blocks.
  static BatchSpec of(std::uint32_t n) {
    BatchSpec batch;
    batch.tokens.assign(n, 0);
    batch.positions.resize(n);
    std::iota(batch.positions.begin(), batch.positions.end(), 0u);
    batch.sequences.assign(n, 0);
    return batch;
  }

  // Room for `sequences` sequences of `blocks` blocks each, in no order at all.
  void scramble_blocks(std::uint32_t count, std::uint32_t blocks, Random& random) {
    n_sequences = count;
    max_blocks = blocks;
    block_tables.resize(std::size_t{count} * blocks);
    std::iota(block_tables.begin(), block_tables.end(), 0u);
    std::shuffle(block_tables.begin(), block_tables.end(), random);
  }

  void append(std::uint32_t sequence, std::uint32_t position, std::int32_t token = 0) {
    tokens.push_back(token);
    positions.push_back(position);
    sequences.push_back(sequence);
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(tokens.size()); }
};

}  // namespace synfire::ops_test
