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

constexpr mode_t kMode = 0666;
constexpr std::string_view kDescriptors = "/proc/self/fd/";  // gives what is open there a name

// A file in the folder of `path` that is gone with its descriptor; negative where there is no such
// thing.
int open_nameless(const fs::path& path) {
  if (::access(kDescriptors.data(), X_OK) != 0) return -1;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  return ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
}

}  // namespace

Result<AtomicFile> AtomicFile::create(fs::path path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return invalid_argument("{}: a folder, want the name of a file", path.string());
  fs::path temporary = temporary_name(path);
  int fd = open_nameless(path);
  const bool is_named = fd < 0;
  if (is_named) fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
  if (fd < 0) return os_error(path, "create", errno);
  std::FILE* file = ::fdopen(fd, "wb");
  if (file == nullptr) {
    const int code = errno;
    ::close(fd);
    if (is_named) ::unlink(temporary.c_str());
    return os_error(path, "create", code);
  }
  return AtomicFile(std::move(path), std::move(temporary), is_named, file);
}

AtomicFile::~AtomicFile() {
  if (file_ != nullptr && is_named_) ::unlink(temporary_.c_str());
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

// A name of its own first: nothing gives a file a name that another one has.
Status AtomicFile::give_name() {
  if (is_named_) return {};
  if (::linkat(AT_FDCWD, descriptor().c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) !=
      0)
    return failed("name");
  is_named_ = true;
  return {};
}

std::string AtomicFile::descriptor() const {
  return fmt::format("{}{}", kDescriptors, ::fileno(file_.get()));
}

Result<fs::path> AtomicFile::readable() {
  if (file_ == nullptr)
    return error(StatusCode::failed_precondition, "{}: read after its commit", path_.string());
  if (std::fflush(file_.get()) != 0) return failed("write");
  return is_named_ ? temporary_ : fs::path(descriptor());
}

Status AtomicFile::commit() {
  if (file_ == nullptr)
    return error(StatusCode::failed_precondition, "{}: committed twice", path_.string());
  if (std::fflush(file_.get()) != 0 || ::fsync(::fileno(file_.get())) != 0) return failed("write");
  SYNFIRE_RETURN_IF_ERROR(give_name());
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("replace");
  file_.reset();
  return {};
}

}  // namespace synfire
