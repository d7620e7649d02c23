#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_file.hpp"
#include "core/model/gguf_scalar.hpp"
#include "core/model/gguf_value.hpp"
#include "plugins/sdk/dtype.hpp"

namespace synfire {

// A tensor that a file to be written will have.
struct GgufTensorSpec {
  std::string name;
  DType dtype;
  std::vector<std::uint64_t> shape;  // [0] contiguous
  std::uint64_t bytes;
};

// The header of a GGUF file to be written: metadata and declared tensors, in the order of the
// calls. The key general.alignment, where set, decides the alignment of tensor data.
//
// Plain data; one thread at a time.
class GgufHeader {
 public:
  enum class Magic { gguf, powerinfer };

  explicit GgufHeader(Magic magic = Magic::gguf, std::uint32_t version = 3)
      : magic_(magic), version_(version) {}

  // Each replaces the value of a key that is already there, in its place.
  template <typename T>
  requires std::is_arithmetic_v<T>
  void set(std::string_view key, T value) {
    put(key, gguf::gguf_type_of<T>(), std::as_bytes(std::span(&value, 1)));
  }
  void set(std::string_view key, std::string_view text);
  void set(std::string_view key, const char* text) { set(key, std::string_view(text)); }
  template <typename T>
  requires std::is_arithmetic_v<T>
  void set(std::string_view key, std::span<const T> numbers) {
    put_array(key, gguf::gguf_type_of<T>(), numbers.size(), std::as_bytes(numbers));
  }
  template <typename T>
  requires(std::is_arithmetic_v<T> &&
           !std::is_same_v<T, bool>) void set(std::string_view key, const std::vector<T>& numbers) {
    set(key, std::span<const T>(numbers));
  }
  void set(std::string_view key, std::span<const std::string_view> texts);
  void set(std::string_view key, const std::vector<std::string>& texts);
  // The value as it is in another file, whatever its type.
  void set(std::string_view key, const GgufValue& value);
  void set_all(const GgufFile& file);
  // Whether the key was there.
  bool erase(std::string_view key);

  // An error for an empty, overlong or known name, a bad shape, or a dtype that the format cannot
  // hold.
  Status add_tensor(std::string_view name, DType dtype, std::span<const std::uint64_t> shape);
  [[nodiscard]] std::span<const GgufTensorSpec> tensors() const { return tensors_; }

  // An error when general.alignment is no usable number.
  [[nodiscard]] Result<std::uint64_t> alignment() const;
  // The bytes from the file's start to the first tensor's data (without tensors: to the end).
  [[nodiscard]] Result<std::vector<std::byte>> encode() const;

 private:
  struct Entry {
    std::string key;
    GgufType type;
    std::vector<std::byte> encoded;
  };
  void put(std::string_view key, GgufType type, std::span<const std::byte> encoded);
  void put_array(std::string_view key, GgufType element, std::size_t count,
                 std::span<const std::byte> encoded_elements);

  Magic magic_;
  std::uint32_t version_;
  std::vector<Entry> entries_;
  std::vector<GgufTensorSpec> tensors_;
};

}  // namespace synfire
