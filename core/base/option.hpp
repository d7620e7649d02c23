#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "core/base/command.hpp"

namespace synfire {

// How the text of an option reads, and which type of OptionValue it becomes.
enum class OptionType : std::uint8_t {
  boolean,   // bool; as a flag it takes no value
  integer,   // std::int64_t
  uinteger,  // std::uint64_t
  real,      // double, never NaN or infinite
  string,    // std::string
  choice,    // std::string, one of `choices`
  list,      // std::vector<std::string>; given again, it appends
  ids,       // std::vector<std::int32_t>, token ids; given again, it appends
  biases,    // std::vector<LogitBias>, "ID=BIAS"; given again, it appends
  bytes,     // std::uint64_t, "8GiB"
  duration,  // Duration, "500ms"
  devices,   // std::vector<DeviceSpec>, "cpu:0[cores=0-3],cuda:0"
  endpoint,  // Endpoint, "127.0.0.1:8001"
};

// One row of the table of options. Everything that speaks of options derives from it: flags,
// environment, YAML, --help, the commented example.
struct Option {
  std::string_view name;       // "n-predict": the flag without its dashes
  char short_flag = '\0';      // 'n'; '\0': none
  std::string_view yaml = {};  // "sampling.max_tokens"; empty: not in files
  std::string_view env = {};   // "SYNFIRE_N_PREDICT"; empty: not in the environment
  OptionType type = OptionType::string;
  std::string_view value_name = {};    // "TOKENS", for --help
  std::string_view default_text = {};  // empty: unset, `unset` says what then holds
  std::string_view unset = {};         // "the model's", for --help and the example
  double min = -std::numeric_limits<double>::infinity();  // of numbers; ms of durations
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;         // min itself is too little
  std::string_view choices = {};  // "single|layer|neuron|shard"
  char separator = '\0';          // between the items of a list in the environment; '\0': one item
  std::string_view group = {};    // heading in --help
  std::string_view help = {};
  CommandSet commands = {};
};

// Whether giving the option again appends to what was given before.
[[nodiscard]] constexpr bool is_list(OptionType type) {
  return type == OptionType::list || type == OptionType::ids || type == OptionType::biases;
}

}  // namespace synfire
