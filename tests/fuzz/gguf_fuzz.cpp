// Parses bytes as a GGUF file, and reads everything of what was accepted: each value in each way,
// each byte of tensor data; then as a golden.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/model/gguf_file.hpp"
#include "core/model/golden.hpp"

namespace {

using synfire::GgufFile;
using synfire::GgufValue;

std::size_t touch(const GgufValue& value) {
  std::size_t sum = value.to_string().size() + value.type_name().size();
  sum += value.as<std::uint8_t>().ok() + value.as<std::int64_t>().ok() + value.as<float>().ok();
  sum += value.as<bool>().ok() + value.as<std::string>().ok();
  sum += value.as<std::vector<std::int32_t>>().ok() + value.as<std::vector<double>>().ok();
  sum += value.as<std::vector<std::string>>().ok();
  return sum;
}

std::size_t touch(const GgufFile& file) {
  std::size_t sum = 0;
  for (const synfire::GgufEntry& entry : file.metadata()) {
    if (file.find(entry.key) != &entry.value) __builtin_trap();
    sum += touch(entry.value);
  }
  for (const synfire::GgufTensor& tensor : file.tensors()) {
    if (file.tensor(tensor.name) != &tensor) __builtin_trap();
    for (const std::byte byte : tensor.data) sum += static_cast<std::size_t>(byte);
  }
  return sum;
}

// Prompts and text: every row of every part, so that a wrong shape reads past its tensor.
std::size_t touch(const synfire::Golden& golden) {
  std::size_t sum = golden.source().size() + golden.layers().size();
  for (const synfire::GoldenPrompt& prompt : golden.prompts()) {
    sum += std::accumulate(prompt.tokens.begin(), prompt.tokens.end(), 0U);
    for (std::size_t i = 0; prompt.logits && i < prompt.tokens.size(); ++i)
      sum += prompt.logits->row(i).back() > 0;
    for (std::size_t i = 0; i < prompt.greedy_gap.size(); ++i) sum += prompt.greedy[i] > 0;
  }
  if (!golden.text()) return sum;
  for (std::size_t i = 0; i < golden.text()->window_nll.size(); ++i)
    sum += golden.text()->windows.row(i).back() > 0;
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A fresh copy starts at a multiple of 8, and its end is where the address sanitizer looks.
  const auto copy = std::make_unique<std::byte[]>(size);
  if (size > 0) std::memcpy(copy.get(), data, size);
  auto file = GgufFile::parse({copy.get(), size}, "fuzz");
  if (!file.ok()) {
    if (file.status().message().empty()) __builtin_trap();
    return 0;
  }
  volatile std::size_t sum = touch(*file);
  const auto golden = synfire::Golden::from(*std::move(file));
  if (golden.ok()) sum = sum + touch(*golden);
  return 0;
}
