#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "core/base/result.hpp"

namespace synfire {

// A whole file mapped read-only; processes that map the same file share its pages.
//
// Immutable; any thread may read. The file must keep its length while it is mapped: reading past a
// new end would be SIGBUS.
class MappedFile {
 public:
  // Errors name the path: missing, a folder, not a regular file, not readable.
  [[nodiscard]] static Result<std::shared_ptr<const MappedFile>> open(
      const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Starts on a page; empty for an empty file.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  // Lets go of the memory behind a part of bytes(): of this process's pages, and with
  // `from_cache` of the system's copy too. Reading it again brings it back from the cache or the
  // disk. Only whole pages; any thread.
  void release(std::span<const std::byte> part, bool from_cache) const;

 private:
  MappedFile(std::span<const std::byte> bytes, int fd) : bytes_(bytes), fd_(fd) {}

  std::span<const std::byte> bytes_;
  int fd_;
};

}  // namespace synfire
