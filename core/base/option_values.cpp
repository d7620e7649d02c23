#include "core/base/option_values.hpp"

#include <cstdlib>
#include <vector>

#include "core/base/options.hpp"

namespace synfire {
namespace {

template <typename T>
bool append_if(OptionValue& to, OptionValue& from) {
  auto* const items = std::get_if<std::vector<T>>(&to);
  if (items == nullptr) return false;
  const auto& more = std::get<std::vector<T>>(from);
  items->insert(items->end(), more.begin(), more.end());
  return true;
}

void append(OptionValue& to, OptionValue& from) {
  append_if<std::string>(to, from) || append_if<std::int32_t>(to, from) ||
      append_if<LogitBias>(to, from);
}

// In the environment one variable carries all items of a list.
std::vector<std::string_view> items_of(const Option& option, std::string_view text,
                                       SourceKind kind) {
  std::vector<std::string_view> items;
  const bool many = kind == SourceKind::environment && option.separator != '\0';
  while (many) {
    const std::size_t at = text.find(option.separator);
    if (at == std::string_view::npos) break;
    items.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  items.push_back(text);
  return items;
}

}  // namespace

std::string origin_text(const Option& option, const OptionSource& source) {
  switch (source.kind) {
    case SourceKind::defaults: return fmt::format("default of --{}", option.name);
    case SourceKind::yaml: return fmt::format("{}: {}", source.where, option.yaml);
    case SourceKind::environment: return std::string(option.env);
    case SourceKind::flag: return fmt::format("--{}", option.name);
  }
  return {};
}

OptionValues::OptionValues(Command command) : command_(command) {
  for (const Option* option : options_of(command)) {
    Entry& made = entries_[option->name];
    made.option = option;
    if (option->default_text.empty()) continue;
    Result<OptionValue> value = parse_option(*option, option->default_text);
    assert(value.ok());  // a test reads every default of the table
    if (!value.ok()) continue;
    made.value = *std::move(value);
    made.set = true;
  }
}

Status OptionValues::set_from_text(const Option& option, std::string_view text,
                                   const OptionSource& source) {
  const auto found = entries_.find(option.name);
  for (const std::string_view item : items_of(option, text, source.kind)) {
    Result<OptionValue> value = parse_option(option, item);
    if (!value.ok()) return value.status().with_context(origin_text(option, source));
    const bool ours = found != entries_.end() && found->second.option == &option;
    if (ours) store(found->second, *std::move(value), source);
  }
  return {};
}

void OptionValues::store(Entry& entry, OptionValue value, const OptionSource& source) {
  if (entry.set && source.kind < entry.source.kind) return;
  const bool again = entry.set && source.kind == entry.source.kind;
  if (again && is_list(entry.option->type)) {
    append(entry.value, value);
  } else {
    entry.value = std::move(value);
  }
  entry.source = source;
  entry.set = true;
}

bool OptionValues::is_set(std::string_view name) const { return entry(name).set; }

const OptionSource& OptionValues::source(std::string_view name) const { return entry(name).source; }

std::string OptionValues::origin(std::string_view name) const {
  return origin_text(*entry(name).option, entry(name).source);
}

const OptionValues::Entry& OptionValues::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  assert(found != entries_.end());
  if (found == entries_.end()) std::abort();  // a name that the code misspells
  return found->second;
}

}  // namespace synfire
