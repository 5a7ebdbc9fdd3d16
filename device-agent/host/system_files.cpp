#include "device-agent/host/system_files.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kFileBytesMax = 1U << 20U;  // host.h

tl::unexpected<Error> cannot_read(const std::string& path) {
  const Code code = errno == ENOENT || errno == ENOTDIR ? Code::NotFound : Code::Unavailable;
  return fail(code, fmt::format("cannot read \"{}\": {}", path, std::strerror(errno)));
}

}  // namespace

Result<std::string> SystemFiles::read(const std::string& path) {
  // Without waiting for whoever would write into a pipe of that name.
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return cannot_read(path);
  std::string out;
  std::array<char, 16'384> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path);
    if (got == 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > kFileBytesMax) {
      return fail(Code::ResourceExhausted, fmt::format("\"{}\" is larger than {} bytes", path, kFileBytesMax));
    }
  }
  return out;
}

bool SystemFiles::exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Result<DeviceFiles::Space> SystemFiles::space(const std::string& path) {
  struct statvfs found {};
  if (statvfs(path.c_str(), &found) != 0) return cannot_read(path);
  return Space{.total_bytes = found.f_blocks * found.f_frsize, .free_bytes = found.f_bavail * found.f_frsize};
}

}  // namespace kelpie::agent
