#include "tools/output.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include <unistd.h>

namespace synfire::cli {
namespace {

int first_error = 0;  // errno of the first write that failed

void check(bool written) {
  if (!written && first_error == 0) first_error = errno;
}

}  // namespace

void write_out(std::string_view text) {
  check(std::fwrite(text.data(), 1, text.size(), stdout) == text.size());
}

void write_err(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void flush_out() { check(std::fflush(stdout) == 0); }

Status finish_out() {
  flush_out();
  if (first_error == 0) return {};
  return error(StatusCode::data_loss, "stdout: {}", std::generic_category().message(first_error));
}

bool err_is_terminal() { return isatty(STDERR_FILENO) == 1; }

void print_error(std::string_view text) { note("synfire: {}\n", text); }

}  // namespace synfire::cli
