#include "device-agent/host/system_files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/core.h>
#include <sodium.h>

#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kFileBytesMax = 1U << 20U;  // host.h
constexpr mode_t kFolderMode = 0755;              // as the snap's own folders beside it
constexpr mode_t kModeBits = 0777;
constexpr std::size_t kHashBytes = 256U << 10U;  // chosen: large reads suit a card; on the heap only while hashing
constexpr std::size_t kAddressesMax = 256;       // chosen: a node has two for each pod at most

tl::unexpected<Error> cannot_read(const std::string& path) {
  const Code code = errno == ENOENT || errno == ENOTDIR ? Code::NotFound : Code::Unavailable;
  return fail(code, fmt::format("cannot read \"{}\": {}", path, std::strerror(errno)));
}

tl::unexpected<Error> cannot(std::string_view verb, const std::string& path) {
  Code code = Code::Unavailable;
  if (errno == ENOENT || errno == ENOTDIR) code = Code::NotFound;
  if (errno == ENOSPC || errno == EDQUOT) code = Code::ResourceExhausted;
  return fail(code, fmt::format("cannot {} \"{}\": {}", verb, path, std::strerror(errno)));
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/// What was done in a folder is on the card.
Result<void> sync_folder(const std::string& folder) {
  const Fd fd(open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (!fd.is_open() || fsync(fd.get()) != 0) return cannot("write", folder);
  return {};
}

/// Owner and mode of the file that is about to be replaced; of a new one the mode. Owner first: it may take mode bits.
bool hand_on(const std::string& path, const Fd& to, unsigned mode) {
  struct stat old {};
  const bool is_file = lstat(path.c_str(), &old) == 0 && S_ISREG(old.st_mode);
  if (is_file && fchown(to.get(), old.st_uid, old.st_gid) != 0) return false;
  return fchmod(to.get(), is_file ? old.st_mode & kModeBits : mode) == 0;
}

Result<void> make_folder_of(const std::string& path) {
  const std::string folder = folder_of(path);
  if (mkdir(folder.c_str(), kFolderMode) == 0) return sync_folder(folder_of(folder));
  if (errno == EEXIST) return {};
  return cannot("make", folder);
}

/// The lower case hex digits of what the descriptor has from its start to its end.
Result<std::string> sha256_of(const Artifact& artifact, const DeviceFiles::OnHashed& on_hashed) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::vector<unsigned char> buffer(kHashBytes);
  std::uint64_t hashed = 0;
  for (;;) {
    const ssize_t got = ::read(artifact.file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(artifact.path);
    if (got == 0) break;
    crypto_hash_sha256_update(&state, buffer.data(), static_cast<unsigned long long>(got));
    hashed += static_cast<std::uint64_t>(got);
    if (hashed > artifact.bytes)
      return fail(Code::DataLoss, fmt::format("\"{}\" grows while it is read", artifact.path));
    if (on_hashed && !on_hashed(hashed)) {
      return fail(Code::DeadlineExceeded, fmt::format("\"{}\" was not hashed to its end", artifact.path));
    }
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256_final(&state, digest.data());
  std::string hex(crypto_hash_sha256_BYTES * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  hex.pop_back();
  return hex;
}

std::string text_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.sa_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (bytes == nullptr) return {};
  return inet_ntop(address.sa_family, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
}

std::vector<DeviceFiles::Address> read_addresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, &freeifaddrs);
  std::vector<DeviceFiles::Address> out;
  for (const ifaddrs* at = first; at != nullptr && out.size() < kAddressesMax; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & static_cast<unsigned>(IFF_UP)) == 0) continue;
    std::string address = text_of(*at->ifa_addr);
    if (!address.empty()) out.push_back({.interface = at->ifa_name, .address = std::move(address)});
  }
  return out;
}

/// The flag that every time daemon keeps, timesyncd as chrony; looking changes nothing.
std::optional<bool> read_clock_state() {
  timex query{};
  const int state = adjtimex(&query);
  if (state < 0) return std::nullopt;
  return state != TIME_ERROR && (query.status & STA_UNSYNC) == 0;
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

Result<void> SystemFiles::write(const std::string& path, const std::string& text, unsigned mode) {
  KELPIE_ASSERT(path.starts_with('/') && path.back() != '/');
  KELPIE_TRY(make_folder_of(path));
  const std::string folder = folder_of(path);
  const std::string beside = fmt::format("{}/.{}.new", folder, path.substr(folder.size() + 1));
  unlink(beside.c_str());  // of a write that the power ended
  {
    const Fd fd(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    const bool is_whole = fd.is_open() && hand_on(path, fd, mode) && write_all(fd, text) && fsync(fd.get()) == 0;
    if (!is_whole || std::rename(beside.c_str(), path.c_str()) != 0) {
      const tl::unexpected<Error> why = cannot("write", path);
      unlink(beside.c_str());
      return why;
    }
  }
  return sync_folder(folder);
}

Result<void> SystemFiles::remove(const std::string& path) {
  if (std::remove(path.c_str()) == 0) return sync_folder(folder_of(path));
  if (errno == ENOENT || errno == ENOTDIR) return {};
  if (errno == ENOTEMPTY || errno == EEXIST) {
    return fail(Code::FailedPrecondition, fmt::format("cannot remove \"{}\": it is not empty", path));
  }
  return cannot("remove", path);
}

Result<Artifact> SystemFiles::open_artifact(const std::string& path, const std::string& sha256, std::uint64_t bytes_max,
                                            const OnHashed& on_hashed) {
  // Without waiting for whoever would write into a pipe of that name.
  Artifact artifact{
      .path = path, .bytes = 0, .file = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK))};
  if (!artifact.file.is_open() && errno == ELOOP) {
    return fail(Code::FailedPrecondition, fmt::format("\"{}\" is a link", path));
  }
  if (!artifact.file.is_open()) return cannot_read(path);
  struct stat found {};
  if (fstat(artifact.file.get(), &found) != 0) return cannot_read(path);
  if (!S_ISREG(found.st_mode)) return fail(Code::FailedPrecondition, fmt::format("\"{}\" is no file", path));
  artifact.bytes = static_cast<std::uint64_t>(found.st_size);
  if (artifact.bytes > bytes_max) {
    return fail(Code::ResourceExhausted,
                fmt::format("\"{}\" has {} bytes, at most {} are taken", path, artifact.bytes, bytes_max));
  }
  KELPIE_TRY(const std::string digest, sha256_of(artifact, on_hashed));
  if (digest == sha256) return artifact;
  return fail(Code::DataLoss, fmt::format("\"{}\" has the sha256 {}", path, digest));
}

Result<void> SystemFiles::make_private_folder(const std::string& path) {
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return cannot("make", path);
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW));
  if (!fd.is_open() || fchmod(fd.get(), S_IRWXU) != 0) return cannot("close to others", path);
  return sync_folder(folder_of(path));
}

Result<void> SystemFiles::rename(const std::string& from, const std::string& to) {
  // What has the name must be on the card before the name is.
  const Fd fd(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.is_open() || fsync(fd.get()) != 0 || std::rename(from.c_str(), to.c_str()) != 0) {
    return cannot("rename", from);
  }
  return sync_folder(folder_of(to));
}

Result<DeviceFiles::Look> SystemFiles::look(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.is_open()) return cannot_read(path);
  struct stat found {};
  if (fstat(fd.get(), &found) != 0) return cannot_read(path);
  if (!S_ISREG(found.st_mode)) return fail(Code::FailedPrecondition, fmt::format("\"{}\" is no file", path));
  std::array<char, kHeadBytes> head{};
  const ssize_t got = ::read(fd.get(), head.data(), head.size());
  if (got < 0) return cannot_read(path);
  constexpr std::int64_t kMs = 1'000;
  constexpr std::int64_t kNanosPerMs = 1'000'000;
  return Look{.bytes = static_cast<std::uint64_t>(found.st_size),
              .modified_at = {found.st_mtim.tv_sec * kMs + found.st_mtim.tv_nsec / kNanosPerMs},
              .head = std::string(head.data(), static_cast<std::size_t>(got))};
}

Result<DeviceFiles::Space> SystemFiles::space(const std::string& path) {
  struct statvfs found {};
  if (statvfs(path.c_str(), &found) != 0) return cannot_read(path);
  return Space{.total_bytes = found.f_blocks * found.f_frsize,
               .free_bytes = found.f_bavail * found.f_frsize,
               .inodes = found.f_files,
               .inodes_free = found.f_favail};
}

DeviceFiles::Kernel SystemFiles::kernel() {
  return {.is_clock_synchronised = read_clock_state(), .addresses = read_addresses()};
}

Result<std::uint64_t> SystemFiles::folder_bytes(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr std::size_t kEntriesMax = 200'000;  // host.h
  std::error_code error;
  const fs::path folder = fs::canonical(path, error);
  auto entry = error ? fs::recursive_directory_iterator() : fs::recursive_directory_iterator(folder, error);
  std::uint64_t bytes = 0;
  for (std::size_t entries = 0; !error && entry != fs::end(entry); entry.increment(error)) {
    if (++entries > kEntriesMax) {
      return fail(Code::ResourceExhausted, fmt::format("\"{}\" has more than {} entries", path, kEntriesMax));
    }
    // What is deleted while it is counted is not there.
    std::error_code gone;
    if (entry->symlink_status(gone).type() != fs::file_type::regular) continue;
    const std::uintmax_t size = entry->file_size(gone);
    if (!gone) bytes += size;
  }
  if (!error) return bytes;
  const Code code = error == std::errc::no_such_file_or_directory ? Code::NotFound : Code::Unavailable;
  return fail(code, fmt::format("cannot read \"{}\": {}", path, error.message()));
}

}  // namespace kelpie::agent
