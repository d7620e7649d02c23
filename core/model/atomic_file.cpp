#include "core/model/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

namespace synfire {

namespace fs = std::filesystem;

namespace {

Status os_error(const fs::path& path, std::string_view what, int code) {
  StatusCode status = StatusCode::unavailable;
  if (code == ENOENT || code == ENOTDIR) status = StatusCode::not_found;
  if (code == EACCES || code == EPERM || code == EROFS) status = StatusCode::permission_denied;
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) status = StatusCode::resource_exhausted;
  return error(status, "{}: cannot {}: {}", path.string(), what,
               std::generic_category().message(code));
}

// Differs between processes and, in one, between calls; nobody guesses it by accident.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  fs::path name = path;
  name += fmt::format(".{}-{}.tmp", ::getpid(), counter.fetch_add(1));
  return name;
}

}  // namespace

Result<AtomicFile> AtomicFile::create(fs::path path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return invalid_argument("{}: a folder, want the name of a file", path.string());
  fs::path temporary = temporary_name(path);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return os_error(path, "create", errno);
  std::FILE* file = ::fdopen(fd, "wb");
  if (file == nullptr) {
    const int code = errno;
    ::close(fd);
    ::unlink(temporary.c_str());
    return os_error(path, "create", code);
  }
  return AtomicFile(std::move(path), std::move(temporary), file);
}

AtomicFile::~AtomicFile() {
  if (file_ != nullptr) ::unlink(temporary_.c_str());
}

Status AtomicFile::failed(std::string_view what) const { return os_error(path_, what, errno); }

Status AtomicFile::write(std::span<const std::byte> bytes) {
  if (file_ == nullptr)
    return error(StatusCode::failed_precondition, "{}: written after its commit", path_.string());
  if (bytes.empty()) return {};
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size())
    return failed("write");
  return {};
}

Status AtomicFile::commit() {
  if (file_ == nullptr)
    return error(StatusCode::failed_precondition, "{}: committed twice", path_.string());
  if (std::fflush(file_.get()) != 0 || ::fsync(::fileno(file_.get())) != 0) return failed("write");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("replace");
  file_.reset();
  return {};
}

}  // namespace synfire
