#pragma once

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/status.hpp"

// What the commands write: results to stdout, everything else to stderr. Main thread only.
namespace synfire::cli {

void write_out(std::string_view text);
void write_err(std::string_view text);
// For text that is to be seen as it comes.
void flush_out();
// DATA_LOSS when something could not be written to stdout (a full disk); called once, at the end.
[[nodiscard]] Status finish_out();

[[nodiscard]] bool err_is_terminal();

template <typename... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  write_out(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  write_err(fmt::format(format, std::forward<Args>(args)...));
}

// "synfire: text" on stderr.
void print_error(std::string_view text);

}  // namespace synfire::cli
