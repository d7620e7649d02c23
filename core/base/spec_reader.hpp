#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace synfire {

// Reads names and options from the front of a text like "cpu:0[cores=0-3,memory=8GiB]". Borrows the
// text; errors quote it whole, with what it is ("device") and what such texts look like.
class SpecReader {
 public:
  SpecReader(std::string_view kind, std::string_view text, std::string_view example)
      : kind_(kind), all_(text), rest_(text), example_(example) {}

  // Lower-case letters, digits, '_' and '-'; empty where none follows.
  std::string_view take_name();
  bool take(char c);
  void skip_spaces();
  [[nodiscard]] bool done() const { return rest_.empty(); }

  // "[key=value,...]" where it follows. An item without '=' goes on with the value before:
  // cores=0-3,8.
  Status take_options(std::map<std::string, std::string>& options);

  // That something else than `want` follows.
  [[nodiscard]] Status fail(std::string_view want) const;

 private:
  Status option(std::string_view item, std::map<std::string, std::string>& options,
                std::string*& value) const;

  std::string_view kind_, all_, rest_, example_;
};

// "[key=value,...]" as take_options() reads it; nothing without options.
[[nodiscard]] std::string bracketed(const std::map<std::string, std::string>& options);

}  // namespace synfire
