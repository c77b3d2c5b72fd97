#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ringside {
namespace {

constexpr size_t kMaxFile = 16 << 20;

// Closes on destruction.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> from_errno(const std::string& path) {
  int code = errno;
  ErrorKind kind = code == ENOENT                    ? ErrorKind::kNotFound
                   : code == EACCES || code == EPERM ? ErrorKind::kForbidden
                                                     : ErrorKind::kInternal;
  return failure(kind, path + ": " + std::strerror(code));
}

bool write_all(int fd, std::string_view contents) {
  while (!contents.empty()) {
    ssize_t n = ::write(fd, contents.data(), contents.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    contents.remove_prefix(size_t(n));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return from_errno(path);
  std::string contents;
  char buffer[16384];
  for (;;) {
    ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return from_errno(path);
    if (n == 0) return contents;
    contents.append(buffer, size_t(n));
    if (contents.size() > kMaxFile) return failure(ErrorKind::kInvalid, path + ": larger than 16 MiB");
  }
}

Result<void> write_file_atomically(const std::string& path, std::string_view contents, unsigned mode) {
  std::string temporary = path + ".new";
  {
    Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (fd.get() < 0) return from_errno(temporary);
    // The umask must not take away what the caller asked for.
    if (::fchmod(fd.get(), mode) != 0 || !write_all(fd.get(), contents)) return from_errno(temporary);
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return from_errno(path);
  return {};
}

}  // namespace ringside
