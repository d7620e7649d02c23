#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/model/gguf_file.hpp"

// GGUF files as bytes, put together by hand where the writer would refuse or hide what a test is
// about.
namespace synfire::test {

class GgufBytes {
 public:
  explicit GgufBytes(std::uint64_t n_tensors, std::uint64_t n_entries,
                     std::string_view magic = "GGUF", std::uint32_t version = 3) {
    text_ += magic;
    number(version).number(n_tensors).number(n_entries);
  }

  template <typename T>
  GgufBytes& number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufBytes& string(std::string_view text) {
    number(std::uint64_t{text.size()});
    text_ += text;
    return *this;
  }
  // A key and the number of its value's type.
  GgufBytes& key(std::string_view name, std::uint32_t type) { return string(name).number(type); }
  GgufBytes& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  GgufBytes& pad(std::size_t alignment = 32) {
    text_.resize((text_.size() + alignment - 1) / alignment * alignment);
    return *this;
  }

  [[nodiscard]] Result<GgufFile> parse(std::string name = "test.gguf") const {
    auto copy = std::make_shared<std::string>(text_);
    const auto bytes = std::as_bytes(std::span(std::as_const(*copy)));
    return GgufFile::parse(bytes, std::move(name), copy);
  }

 private:
  std::string text_;
};

}  // namespace synfire::test
