#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/gguf_tensor.hpp"
#include "core/model/gguf_value.hpp"

namespace synfire {

class MappedFile;

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

// What the header of a GGUF file says, checked.
struct GgufContents {
  bool is_powerinfer = false;       // magic PWRI
  std::uint32_t version = 0;        // 2 or 3
  std::uint64_t alignment = 32;     // of tensor data, bytes
  std::vector<GgufEntry> metadata;  // in file order
  std::vector<GgufTensor> tensors;  // in file order
};

// A GGUF file (v2, v3, or PowerInfer's PWRI), mapped read-only: https://github.com/ggml-org/ggml,
// docs/gguf.md.
//
// Immutable after open(), so any thread may read. Owns the mapping; names, values and tensor data
// are views of it and must not outlive the object (or the moved-to one). Nobody may shorten the
// file meanwhile. Every error names the file.
class GgufFile {
 public:
  // Reads and checks the whole header before it returns; tensor data is paged in when touched.
  [[nodiscard]] static Result<GgufFile> open(const std::filesystem::path& path);
  // The same from memory that `owner` keeps alive (null: the caller does). `bytes` start at a
  // multiple of 8.
  [[nodiscard]] static Result<GgufFile> parse(std::span<const std::byte> bytes, std::string name,
                                              std::shared_ptr<const void> owner = nullptr);

  GgufFile(GgufFile&&) = default;
  GgufFile& operator=(GgufFile&&) = default;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint32_t version() const { return contents_.version; }
  [[nodiscard]] bool is_powerinfer() const { return contents_.is_powerinfer; }
  [[nodiscard]] std::uint64_t alignment() const { return contents_.alignment; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }
  // Keeps the bytes of the file alive, also past this object (uploads that borrow weights hold
  // one).
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }
  // MappedFile::release of a part of the file; nothing to do where the file is memory of another
  // kind. Any thread.
  void release(std::span<const std::byte> part, bool from_cache) const;

  [[nodiscard]] std::span<const GgufEntry> metadata() const { return contents_.metadata; }
  // Null when absent.
  [[nodiscard]] const GgufValue* find(std::string_view key) const;
  // The types T of GgufValue::as. "model.gguf: key llama.block_count: type STRING, want an unsigned
  // integer"
  template <typename T>
  [[nodiscard]] Result<T> get(std::string_view key) const;
  // `fallback` where the key is absent; a value of the wrong type is an error all the same.
  template <typename T>
  [[nodiscard]] Result<T> get_or(std::string_view key, T fallback) const;

  [[nodiscard]] std::span<const GgufTensor> tensors() const { return contents_.tensors; }
  // Null when absent.
  [[nodiscard]] const GgufTensor* tensor(std::string_view name) const;
  // The same, where absence is an error.
  [[nodiscard]] Result<const GgufTensor*> require_tensor(std::string_view name) const;

 private:
  GgufFile(std::string path, std::shared_ptr<const void> owner, std::uint64_t file_bytes,
           GgufContents contents);
  // Fills the indices; an error for a name that is there twice.
  Status index();
  [[nodiscard]] Status in_key(std::string_view key, const Status& status) const;
  [[nodiscard]] Status missing_key(std::string_view key) const;

  std::string path_;
  std::shared_ptr<const void> owner_;
  const MappedFile* mapping_ = nullptr;  // what owner_ keeps, if it is one
  std::uint64_t file_bytes_;
  GgufContents contents_;
  std::unordered_map<std::string_view, std::size_t> key_index_;
  std::unordered_map<std::string_view, std::size_t> tensor_index_;
};

template <typename T>
Result<T> GgufFile::get(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing_key(key);
  Result<T> result = value->as<T>();
  if (!result.ok()) return in_key(key, result.status());
  return result;
}

template <typename T>
Result<T> GgufFile::get_or(std::string_view key, T fallback) const {
  if (find(key) == nullptr) return fallback;
  return get<T>(key);
}

}  // namespace synfire
