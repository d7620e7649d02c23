#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"

namespace synfire {

// Of what a profile was made, and how far that got.
struct ProfileInfo {
  // A text, or a file of prompts.
  struct Text {
    std::string name;
    std::uint64_t bytes = 0;     // to read
    std::uint32_t checksum = 0;  // CRC32C of these bytes
  };

  std::uint32_t model = 0;  // model_fingerprint()
  std::string activation;   // "relu"; of the FFNs, as the run had it
  std::uint32_t n_layers = 0, d_model = 0, d_ff = 0;
  std::vector<Text> texts;
  std::uint32_t window_tokens = 0;  // of a sequence, at most
  // The next window: of texts[text], the piece that begins at byte `piece`, window `window`.
  std::uint64_t text = 0, piece = 0, window = 0;
  bool complete = false;
  std::uint64_t windows = 0, tokens = 0;  // seen

  // What a run over `program` of `model` begins with.
  static ProfileInfo of(const GgufFile& model, const Program& program);
  [[nodiscard]] bool has_activity() const;  // whether neurons can be silent
};

}  // namespace synfire
