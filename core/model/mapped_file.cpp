#include "core/model/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string_view>
#include <system_error>
#include <utility>

namespace synfire {

namespace {

Status os_error(const std::filesystem::path& path, std::string_view what) {
  const int code = errno;
  StatusCode status = StatusCode::unavailable;
  if (code == ENOENT || code == ENOTDIR) status = StatusCode::not_found;
  if (code == EACCES || code == EPERM) status = StatusCode::permission_denied;
  if (code == ENOMEM) status = StatusCode::resource_exhausted;
  return error(status, "{}: cannot {}: {}", path.string(), what,
               std::generic_category().message(code));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Result<std::size_t> size_of_regular_file(const std::filesystem::path& path, int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return os_error(path, "examine");
  if (S_ISDIR(info.st_mode)) return invalid_argument("{}: a folder, want a file", path.string());
  if (!S_ISREG(info.st_mode))
    return invalid_argument("{}: a device, pipe or socket, want a regular file", path.string());
  return static_cast<std::size_t>(info.st_size);
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a pipe without a writer must give an error, not a hang.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return os_error(path, "open");
  SYNFIRE_ASSIGN_OR_RETURN(const std::size_t size, size_of_regular_file(path, file.get()));
  std::span<const std::byte> bytes;
  if (size > 0) {
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    if (start == MAP_FAILED) return os_error(path, "map");
    bytes = {static_cast<const std::byte*>(start), size};
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(bytes, file.release()));
}

void MappedFile::release(std::span<const std::byte> part, bool from_cache) const {
  // Made in memory instead of read from here: not ours to let go.
  const std::less_equal<const std::byte*> at_most;
  if (!at_most(bytes_.data(), part.data()) ||
      !at_most(part.data() + part.size(), bytes_.data() + bytes_.size()))
    return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - bytes_.data());
  const std::size_t first = (offset + page - 1) / page * page;
  const std::size_t end = (offset + part.size()) / page * page;
  if (first >= end) return;
  // Advice: where the system does not take it, memory is held a little longer.
  static_cast<void>(
      ::madvise(const_cast<std::byte*>(bytes_.data()) + first, end - first, MADV_DONTNEED));
  if (from_cache)
    static_cast<void>(::posix_fadvise(fd_, static_cast<off_t>(first),
                                      static_cast<off_t>(end - first), POSIX_FADV_DONTNEED));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  ::close(fd_);
}

}  // namespace synfire
