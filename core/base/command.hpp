#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace synfire {

// The commands of the binary, as bits, so that an option can say to which of them it belongs.
enum class Command : std::uint32_t {
  run = 1U << 0,
  serve = 1U << 1,
  generate = 1U << 2,
  verify = 1U << 3,
  tokenize = 1U << 4,
  bench = 1U << 5,
  perplexity = 1U << 6,
  inspect = 1U << 7,
  devices = 1U << 8,
  plugins = 1U << 9,
  predictor = 1U << 10,
  synth = 1U << 11,
  convert = 1U << 12,
  plan = 1U << 13,
  quantize = 1U << 14,
  profile = 1U << 15,
};

class CommandSet {
 public:
  constexpr CommandSet() = default;
  constexpr CommandSet(Command command) : bits_(static_cast<std::uint32_t>(command)) {}

  [[nodiscard]] constexpr bool has(Command command) const {
    return (bits_ & static_cast<std::uint32_t>(command)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  friend constexpr CommandSet operator|(CommandSet a, CommandSet b) {
    CommandSet both;
    both.bits_ = a.bits_ | b.bits_;
    return both;
  }

 private:
  std::uint32_t bits_ = 0;
};

constexpr CommandSet operator|(Command a, Command b) { return CommandSet(a) | CommandSet(b); }

struct CommandInfo {
  Command command;
  std::string_view name;
  std::string_view summary;
  std::string_view positional;  // the option that a bare word sets; empty: none
};

inline constexpr std::array kCommands = {
    CommandInfo{Command::run, "run", "generate in this process, text to stdout", ""},
    CommandInfo{Command::serve, "serve", "serve a model over gRPC", ""},
    CommandInfo{Command::generate, "generate", "generate with a running server", ""},
    CommandInfo{Command::verify, "verify", "compare a model with a golden, or two devices",
                "model"},
    CommandInfo{Command::tokenize, "tokenize", "text to token ids, or back", ""},
    CommandInfo{Command::bench, "bench", "measure prefill and decode", ""},
    CommandInfo{Command::perplexity, "perplexity", "mean NLL and perplexity of a text", ""},
    CommandInfo{Command::profile, "profile", "record what a model's neurons do over a text", ""},
    CommandInfo{Command::predictor, "predictor", "fit or measure predictors of a model", "action"},
    CommandInfo{Command::plan, "plan", "which device holds which neurons, by what they cost", ""},
    CommandInfo{Command::inspect, "inspect", "metadata and tensors of a file", "model"},
    CommandInfo{Command::convert, "convert", "a Hugging Face folder to a GGUF file", "folder"},
    CommandInfo{Command::quantize, "quantize", "a GGUF file's weights to a smaller dtype", "model"},
    CommandInfo{Command::synth, "synth", "write a synthetic model of a real shape", "out"},
    CommandInfo{Command::devices, "devices", "what this machine has", ""},
    CommandInfo{Command::plugins, "plugins", "what was loaded from where, and what was not", ""},
};

}  // namespace synfire
