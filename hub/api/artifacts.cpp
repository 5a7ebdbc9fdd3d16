#include "hub/api/artifacts.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "hub/api/problem.h"
#include "hub/api/upload_file.h"

namespace kelpie::hub {
namespace {

constexpr std::string_view kPathStart = "/artifacts/";

Error cannot(std::string_view what, const std::string& path) {
  return {.code = Code::Unavailable, .message = fmt::format("cannot {} \"{}\": {}", what, path, std::strerror(errno))};
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

/// One range of bytes; what is not understood is no range, as RFC 9110 section 14.2 says.
Result<std::optional<Range>> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (header.substr(0, kUnit.size()) != kUnit) return std::optional<Range>();
  const std::string_view text = header.substr(kUnit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::optional<Range>();
  const std::optional<std::uint64_t> left = number(text.substr(0, dash));
  const std::optional<std::uint64_t> right = number(text.substr(dash + 1));
  Range out{.first = left.value_or(0), .last = size - 1};
  if (left && right) out.last = std::min(*right, size - 1);
  if (!left && right) out.first = size - std::min(*right, size);
  if (!left && !right) return std::optional<Range>();
  if (left && right && *left > *right) return std::optional<Range>();
  if (size == 0 || out.first >= size) {
    return fail(problem(Code::InvalidArgument, kReasonRange, fmt::format("the artifact has only {} bytes", size)));
  }
  return std::optional<Range>(out);
}

}  // namespace

Result<std::optional<Digest>> artifact_of_path(std::string_view path) {
  if (path.substr(0, kPathStart.size()) != kPathStart) return std::optional<Digest>();
  Result<Digest> digest = Digest::from_hex(path.substr(kPathStart.size()));
  if (!digest)
    return fail(with_context(digest.error(), "an artifact is named by the 64 hex digits of its BLAKE2b-256"));
  return std::optional<Digest>(*digest);
}

struct ArtifactUpload::Part {
  UploadFile file;
  Digest wanted;
  crypto_generichash_state hash{};
};

ArtifactUpload::ArtifactUpload(std::unique_ptr<Part> part) : part_(std::move(part)) {}
ArtifactUpload::ArtifactUpload(ArtifactUpload&&) noexcept = default;
ArtifactUpload& ArtifactUpload::operator=(ArtifactUpload&&) noexcept = default;
ArtifactUpload::~ArtifactUpload() = default;

Result<ArtifactUpload> ArtifactUpload::open(const std::string& folder, const Digest& wanted, std::uint64_t bytes_max) {
  KELPIE_TRY(UploadFile file, UploadFile::open(folder, bytes_max));
  auto part = std::make_unique<Part>(Part{.file = std::move(file), .wanted = wanted, .hash = {}});
  crypto_generichash_init(&part->hash, nullptr, 0, Digest::kSize);
  return ArtifactUpload(std::move(part));
}

Result<void> ArtifactUpload::write(std::string_view bytes) {
  KELPIE_TRY(part_->file.write(bytes));
  crypto_generichash_update(&part_->hash, as_bytes(bytes).data(), bytes.size());
  return {};
}

Result<void> ArtifactUpload::finish() {
  Digest digest;
  crypto_generichash_final(&part_->hash, digest.writable().data(), Digest::kSize);
  if (digest == part_->wanted) return part_->file.keep(digest.hex());
  return fail(problem(Code::InvalidArgument, "DIGEST_MISMATCH",
                      fmt::format("the {} bytes sent hash to {}, not to the name", part_->file.bytes(), digest.hex())));
}

Result<ArtifactFile> open_file(const std::string& path, std::string_view range) {
  ArtifactFile out;
  out.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (out.fd < 0) return fail(Code::NotFound, fmt::format("there is no \"{}\"", path));
  struct stat status {};
  const bool is_known = fstat(out.fd, &status) == 0;
  out.size = is_known ? static_cast<std::uint64_t>(status.st_size) : 0;
  out.length = out.size;
  const Result<std::optional<Range>> part = parse_range(range, out.size);
  if (!is_known || !part) {
    close(out.fd);
    if (!part) return fail(part.error());
    return fail(cannot("read", path));
  }
  if (!*part) return out;
  out.is_part = true;
  out.offset = (*part)->first;
  out.length = (*part)->last - (*part)->first + 1;
  return out;
}

Result<ArtifactFile> open_artifact(const std::string& folder, const Digest& digest, std::string_view range) {
  Result<ArtifactFile> out = open_file(fmt::format("{}/{}", folder, digest.hex()), range);
  if (out || out.error().code != Code::NotFound) return out;
  return fail(Code::NotFound, fmt::format("there is no artifact {}", digest.hex()));
}

}  // namespace kelpie::hub
