#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire::convert {

struct Options {
  std::optional<DType> dtype = {};  // of matrices: F32, F16 or BF16; absent: as in the checkpoint
  bool neuron_major = false;        // ffn_down_t: a down row for each neuron
  std::string ffn_activation = {};  // in place of the configuration's; "": none
  // Bytes written and in all, now and then, on the caller's thread.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
};

struct Report {
  std::string architecture;
  std::string tokenizer;  // what was written of it: "llama", "gpt2 (qwen2)"; "": none
  std::uint64_t tensors = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;  // of tensors
  std::vector<std::string> warnings;
};

// Writes the model of a Hugging Face folder (config.json, safetensors, a tokenizer) as a GGUF file
// with the keys and names that llama.cpp has for its family. The file appears whole or not at all,
// and the same folder gives the same bytes. Without a tokenizer that Synfire knows the file takes
// token ids only, and a warning says why.
[[nodiscard]] Result<Report> convert_folder(const std::filesystem::path& folder,
                                            const std::filesystem::path& out,
                                            const Options& options);

}  // namespace synfire::convert
