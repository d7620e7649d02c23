#include "core/base/option_value.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/base/suggest.hpp"
#include "core/base/units.hpp"

namespace synfire {
namespace {

constexpr std::size_t kMaxValueBytes = 4096;  // of everything but free text; errors quote it whole

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string bound_text(const Option& option, double bound) {
  if (option.type != OptionType::duration) return fmt::format("{}", bound);
  const bool seconds = bound >= 1000 && std::fmod(bound, 1000) == 0;
  return seconds ? fmt::format("{}s", bound / 1000) : fmt::format("{}ms", bound);
}

std::string bounds_text(const Option& option) {
  const bool from = std::isfinite(option.min), to = std::isfinite(option.max);
  const std::string_view least = option.above_min ? "above" : "of at least";
  const std::string min = bound_text(option, option.min), max = bound_text(option, option.max);
  if (from && to && option.above_min) return fmt::format(" above {}, up to {}", min, max);
  if (from && to) return fmt::format(" from {} to {}", min, max);
  if (from) return fmt::format(" {} {}", least, min);
  if (to) return fmt::format(" up to {}", max);
  return {};
}

// "single, layer or neuron".
std::string choices_text(const Option& option) {
  const std::vector<std::string_view> choices = split(option.choices, '|');
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
    text += choices[i];
  }
  return text;
}

template <typename T>
Result<OptionValue> widen(Result<T> value) {
  if (!value.ok()) return value.status();
  return OptionValue(*std::move(value));
}

// `size`: the value in the unit of the bounds.
template <typename T>
Result<OptionValue> bounded(const Option& option, std::string_view text, const Result<T>& value,
                            double size) {
  const bool malformed = !value.ok();
  const bool too_little = option.above_min ? size <= option.min : size < option.min;
  if (malformed || too_little || size > option.max) {
    return invalid_argument("got '{}', want {}", text, wanted(option));
  }
  return OptionValue(*value);
}

template <typename T>
Result<OptionValue> number(const Option& option, std::string_view text, const Result<T>& value) {
  return bounded(option, text, value, value.ok() ? static_cast<double>(*value) : 0);
}

Result<OptionValue> duration(const Option& option, std::string_view text) {
  const Result<Duration> value = parse_duration(text);
  return bounded(option, text, value, value.ok() ? milliseconds(*value) : 0);
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// The choice as the table spells it: "q4_0" is Q4_0.
Result<OptionValue> choice(const Option& option, std::string_view text) {
  const std::vector<std::string_view> choices = split(option.choices, '|');
  for (const std::string_view known : choices) {
    if (equal_but_for_case(known, text)) return OptionValue(std::string(known));
  }
  return invalid_argument("got '{}', want {}{}", text, wanted(option), did_you_mean(text, choices));
}

Result<std::int32_t> parse_id(std::string_view text) {
  const Result<std::uint64_t> id = parse_uint(text);
  if (!id.ok() || *id > INT32_MAX) return invalid_argument("got '{}', want a token id", text);
  return static_cast<std::int32_t>(*id);
}

Result<OptionValue> ids(std::string_view text) {
  std::vector<std::int32_t> list;
  for (const std::string_view item : split(text, ',')) {
    SYNFIRE_ASSIGN_OR_RETURN(const std::int32_t id, parse_id(item));
    list.push_back(id);
  }
  return OptionValue(std::move(list));
}

Result<LogitBias> parse_bias(const Option& option, std::string_view text) {
  const std::size_t equals = text.find('=');
  const Result<std::int32_t> id = parse_id(text.substr(0, equals));
  const bool whole = equals != std::string_view::npos && id.ok();
  const Result<double> bias = parse_real(whole ? text.substr(equals + 1) : "");
  if (!bias.ok() || *bias < option.min || *bias > option.max) {
    return invalid_argument("got '{}', want {}", text, wanted(option));
  }
  return LogitBias{*id, *bias};
}

}  // namespace

std::string wanted(const Option& option) {
  switch (option.type) {
    case OptionType::boolean: return "true or false";
    case OptionType::integer:
    case OptionType::uinteger: return "a whole number" + bounds_text(option);
    case OptionType::real: return "a number" + bounds_text(option);
    case OptionType::string: return "a text";
    case OptionType::choice: return choices_text(option);
    case OptionType::list: return "texts";
    case OptionType::ids: return "token ids";
    case OptionType::biases: return "ID=BIAS, a token id and a number" + bounds_text(option);
    case OptionType::bytes: return "a size like 8GiB" + bounds_text(option);
    case OptionType::duration: return "a duration like 500ms or 2s" + bounds_text(option);
    case OptionType::devices: return "devices like cpu:0[cores=0-3],cuda:0";
    case OptionType::endpoint: return "an address and a port like 127.0.0.1:8001";
  }
  return {};
}

Result<OptionValue> parse_option(const Option& option, std::string_view text) {
  const bool free_text = option.type == OptionType::string || option.type == OptionType::list;
  if (!free_text && text.size() > kMaxValueBytes) {
    return invalid_argument("got {} bytes, want {}", text.size(), wanted(option));
  }
  switch (option.type) {
    case OptionType::boolean: return widen(parse_bool(text));
    case OptionType::integer: return number(option, text, parse_int(text));
    case OptionType::uinteger: return number(option, text, parse_uint(text));
    case OptionType::real: return number(option, text, parse_real(text));
    case OptionType::string: return OptionValue(std::string(text));
    case OptionType::choice: return choice(option, text);
    case OptionType::list: return OptionValue(std::vector<std::string>{std::string(text)});
    case OptionType::ids: return ids(text);
    case OptionType::biases: {
      SYNFIRE_ASSIGN_OR_RETURN(const LogitBias bias, parse_bias(option, text));
      return OptionValue(std::vector<LogitBias>{bias});
    }
    case OptionType::bytes: return number(option, text, parse_bytes(text));
    case OptionType::duration: return duration(option, text);
    case OptionType::devices: return widen(parse_device_specs(text));
    case OptionType::endpoint: return widen(parse_endpoint(text));
  }
  return invalid_argument("option type {}, want a known one", static_cast<int>(option.type));
}

}  // namespace synfire
