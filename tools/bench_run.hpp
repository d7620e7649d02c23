#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

// Single measurements of an engine. Prompts are random tokens, the same every time.
namespace synfire::cli {

struct BenchShape {
  std::uint32_t prompt = 0;  // tokens to prefill
  std::uint32_t decode = 0;  // steps to decode
  std::uint32_t batch = 1;   // requests at once
  std::uint32_t depth = 0;   // tokens in the KV cache before either
};

// Tokens per second of all requests together. With a depth, the time of a prompt of that length is
// taken off.
[[nodiscard]] Result<double> measure_prefill(Engine& engine, const BenchShape& shape);
// Tokens per second of all requests together, from when each has its first token.
[[nodiscard]] Result<double> measure_decode(Engine& engine, const BenchShape& shape);

}  // namespace synfire::cli
