#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace synfire {

// A file that appears whole or not at all: bytes go to a new file in the folder of `path`, which
// takes its place on commit(). Without commit() nothing is left; not even by a process that is
// killed, where the file system has files without a name.
//
// One thread at a time.
class AtomicFile {
 public:
  // Errors name the path.
  [[nodiscard]] static Result<AtomicFile> create(std::filesystem::path path);

  AtomicFile(AtomicFile&&) = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  Status write(std::span<const std::byte> bytes);
  // By which this process can read what was written so far, until the commit.
  [[nodiscard]] Result<std::filesystem::path> readable();
  // Makes the bytes durable and the file visible. Nothing may be written after it.
  Status commit();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  AtomicFile(std::filesystem::path path, std::filesystem::path temporary, bool is_named,
             std::FILE* file)
      : path_(std::move(path)),
        temporary_(std::move(temporary)),
        is_named_(is_named),
        file_(file) {}
  [[nodiscard]] Status give_name();
  [[nodiscard]] std::string descriptor() const;  // its name, while it has none in a folder
  [[nodiscard]] Status failed(std::string_view what) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool is_named_;                           // there is a file of the name `temporary_`
  std::unique_ptr<std::FILE, Close> file_;  // null once committed, or moved from
};

}  // namespace synfire
