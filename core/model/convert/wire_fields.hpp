#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/result.hpp"

namespace synfire::convert {

// The fields of a Protocol Buffers message, one after another (protobuf.dev, "Encoding"): enough
// for the few messages that tokenizers come in, without generated code.
class WireFields {
 public:
  struct Field {
    std::uint32_t number;
    std::uint64_t value;     // of a varint or a fixed number
    std::string_view bytes;  // of a string or a message within
    bool is_bytes;
  };

  explicit WireFields(std::string_view message) : rest_(message) {}

  // Nothing at the end; an error for what is no message.
  [[nodiscard]] Result<std::optional<Field>> next();

 private:
  [[nodiscard]] Result<std::uint64_t> varint();
  [[nodiscard]] Result<std::string_view> take(std::uint64_t bytes);
  [[nodiscard]] Result<std::uint64_t> fixed(std::uint64_t bytes);

  std::string_view rest_;
};

}  // namespace synfire::convert
