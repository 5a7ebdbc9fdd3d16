#include "hub/store/head_anchor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/core.h>

namespace kelpie::hub {
namespace {

// A slot: magic, size (little endian), root, BLAKE2b-128 of what stands before.
constexpr std::string_view kMagic = "KLPHEAD1";
constexpr std::size_t kSizeAt = kMagic.size();
constexpr std::size_t kRootAt = kSizeAt + 8;
constexpr std::size_t kSumAt = kRootAt + Digest::kSize;
constexpr std::size_t kSlotBytes = kSumAt + ShortDigest::kSize;
constexpr unsigned kSlots = 2;

struct Noted {
  std::uint64_t size = 0;
  Digest root;
};

std::string slot_of(const MerkleLog& log) {
  std::string out(kMagic);
  append_le64(out, log.size());
  out.append(as_text(log.root().view()));
  out.append(as_text(blake2b_128(out).view()));
  return out;
}

std::optional<Noted> read_slot(std::string_view slot) {
  if (!slot.starts_with(kMagic) || slot.size() != kSlotBytes) return std::nullopt;
  if (as_text(blake2b_128(slot.substr(0, kSumAt)).view()) != slot.substr(kSumAt)) return std::nullopt;
  Noted out;
  out.size = read_le64(as_bytes(slot.substr(kSizeAt, 8)));
  out.root = *Digest::from_bytes(as_bytes(slot.substr(kRootAt, Digest::kSize)));
  return out;
}

Error broken(std::string_view doing, const std::string& path) {
  return {.code = Code::Unavailable,
          .message = fmt::format("cannot {} head anchor \"{}\": {}", doing, path, std::strerror(errno)),
          .reason = {},
          .hint = {}};
}

/// What a person can do when store and anchor do not agree.
std::string way_out(const std::string& path) {
  return fmt::format(
      "put the newer store back; or, if no device is carrying anything out, take this one as it is: rm \"{}\"", path);
}

}  // namespace

Result<std::unique_ptr<HeadAnchor>> HeadAnchor::open(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.is_open()) return fail(broken("open", path));
  auto anchor = std::unique_ptr<HeadAnchor>(new HeadAnchor(path, std::move(file)));
  KELPIE_TRY(anchor->read());
  return anchor;
}

Result<void> HeadAnchor::read() {
  std::array<char, kSlots * kSlotBytes + 1> buffer{};
  const ssize_t got = pread(file_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return fail(broken("read", path_));
  const std::string_view file(buffer.data(), static_cast<std::size_t>(got));
  bool is_whole = file.empty();
  for (unsigned i = 0; i < kSlots && i * kSlotBytes < file.size(); ++i) {
    const std::optional<Noted> noted = read_slot(file.substr(i * kSlotBytes, kSlotBytes));
    if (!noted) continue;
    is_whole = true;
    if (noted->size < size_) continue;
    size_ = noted->size;
    root_ = noted->root;
    next_slot_ = (i + 1) % kSlots;
  }
  if (is_whole) return {};
  return fail({.code = Code::DataLoss,
               .message = fmt::format("head anchor \"{}\" is damaged", path_),
               .reason = "ANCHOR_DAMAGED",
               .hint = fmt::format("if the store was not put back from a copy: rm \"{}\"", path_)});
}

Result<void> HeadAnchor::check(const MerkleLog& log) {
  if (log.size() < size_) {
    return fail({.code = Code::FailedPrecondition,
                 .message = fmt::format("the store is older than its head anchor \"{}\": it holds {} audit entries, "
                                        "the anchor has seen {}; what it forgot may be under way on devices",
                                        path_, log.size(), size_),
                 .reason = "STORE_OLDER",
                 .hint = way_out(path_)});
  }
  if (log.size() == size_ && log.root() != root_) {
    return fail({.code = Code::DataLoss,
                 .message = fmt::format("the store's audit log is not the one its head anchor \"{}\" has seen", path_),
                 .reason = "STORE_FORKED",
                 .hint = way_out(path_)});
  }
  return note(log);
}

Result<void> HeadAnchor::note(const MerkleLog& log) {
  const std::string slot = slot_of(log);
  const ssize_t put = pwrite(file_.get(), slot.data(), slot.size(), static_cast<off_t>(next_slot_ * kSlotBytes));
  if (put != static_cast<ssize_t>(slot.size())) return fail(broken("write", path_));
  next_slot_ = (next_slot_ + 1) % kSlots;
  size_ = log.size();
  root_ = log.root();
  return {};
}

}  // namespace kelpie::hub
