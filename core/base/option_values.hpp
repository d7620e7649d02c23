#pragma once

#include <cassert>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/option_value.hpp"

namespace synfire {

// Where a value came from; the later in this order, the stronger.
enum class SourceKind : std::uint8_t { defaults, yaml, environment, flag };

struct OptionSource {
  SourceKind kind = SourceKind::defaults;
  std::string where;  // "synfire.yaml:3:12" of YAML; else unused
};

// The options of one command with their values, typed and checked. Plain data: one thread at a
// time.
//
// Sources may come in any order: flag beats environment beats YAML beats default, and a weaker one
// that comes late is checked and dropped. get() and the like take names of kOptions that belong to
// the command; another name (has() tells), or another type than the option's, is a programmer's
// mistake.
class OptionValues {
 public:
  explicit OptionValues(Command command);

  [[nodiscard]] Command command() const { return command_; }

  // Checks and stores. The error starts with the flag, the variable, or the place in the file. An
  // option that does not belong to this command (it may come from a file for several) is checked
  // and dropped.
  Status set_from_text(const Option& option, std::string_view text, const OptionSource& source);

  // The command has this option.
  [[nodiscard]] bool has(std::string_view name) const { return entries_.contains(name); }
  // Has a value: given, or by default.
  [[nodiscard]] bool is_set(std::string_view name) const;
  [[nodiscard]] const OptionSource& source(std::string_view name) const;
  // "--ctx", "SYNFIRE_CTX", "synfire.yaml:3:12: model.context", or "default of --ctx": for
  // messages.
  [[nodiscard]] std::string origin(std::string_view name) const;

  // The value, or null where the option is unset.
  template <typename T>
  [[nodiscard]] const T* find(std::string_view name) const {
    const Entry& found = entry(name);
    if (!found.set) return nullptr;
    assert(std::holds_alternative<T>(found.value));
    return &std::get<T>(found.value);
  }
  // The value; T() where the option is unset.
  template <typename T>
  [[nodiscard]] T get(std::string_view name) const {
    const T* value = find<T>(name);
    return value == nullptr ? T() : *value;
  }
  template <typename T>
  [[nodiscard]] T get_or(std::string_view name, T otherwise) const {
    const T* value = find<T>(name);
    return value == nullptr ? std::move(otherwise) : *value;
  }

 private:
  struct Entry {
    const Option* option = nullptr;
    OptionValue value;
    OptionSource source;
    bool set = false;
  };

  [[nodiscard]] const Entry& entry(std::string_view name) const;
  static void store(Entry& entry, OptionValue value, const OptionSource& source);

  Command command_;
  std::map<std::string_view, Entry> entries_;  // by name; the options of this command
};

// "--split", "SYNFIRE_SPLIT" or "synfire.yaml:3:12: placement.split".
[[nodiscard]] std::string origin_text(const Option& option, const OptionSource& source);

}  // namespace synfire
