#include "hub/api/upload_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "hub/api/problem.h"

namespace kelpie::hub {
namespace {

tl::unexpected<Error> cannot(std::string_view what, const std::string& path) {
  return fail(Code::Unavailable, fmt::format("cannot {} \"{}\": {}", what, path, std::strerror(errno)));
}

}  // namespace

Result<UploadFile> UploadFile::open(const std::string& folder, std::uint64_t bytes_max) {
  UploadFile out;
  std::string name = fmt::format("{}/{}XXXXXX", folder, kUploadStart);
  out.fd_ = Fd(mkostemp(name.data(), O_CLOEXEC));
  if (!out.fd_.is_open()) return cannot("write into", folder);
  out.folder_ = folder;
  out.temporary_ = std::move(name);
  out.bytes_max_ = bytes_max;
  return out;
}

UploadFile::UploadFile(UploadFile&& other) noexcept
    : folder_(std::move(other.folder_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      bytes_max_(other.bytes_max_),
      bytes_(other.bytes_) {}

UploadFile& UploadFile::operator=(UploadFile&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(temporary_, other.temporary_);
  fd_ = std::move(other.fd_);
  bytes_max_ = other.bytes_max_;
  bytes_ = other.bytes_;
  return *this;
}

UploadFile::~UploadFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<void> UploadFile::write(std::string_view bytes) {
  if (bytes.size() > bytes_max_ - bytes_) {
    return fail(problem(Code::ResourceExhausted, kReasonTooLarge,
                        fmt::format("a file sent here has at most {} bytes", bytes_max_)));
  }
  bytes_ += bytes.size();
  if (!write_all(fd_, bytes)) return cannot("write", temporary_);
  return {};
}

Result<void> UploadFile::keep(const std::string& name) {
  const std::string path = fmt::format("{}/{}", folder_, name);
  if (fchmod(fd_.get(), S_IRUSR | S_IWUSR | S_IRGRP) != 0 || fsync(fd_.get()) != 0) return cannot("keep", temporary_);
  if (rename(temporary_.c_str(), path.c_str()) != 0) return cannot("write", path);
  temporary_.clear();
  return {};
}

}  // namespace kelpie::hub
