#include "device-agent/store/state_slots.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kSlotBytes = 256U << 10U;
constexpr std::string_view kMagic = "KLPSLOT1";
constexpr std::size_t kHeaderBytes = 8 + 8 + 4 + Digest::kSize;  // magic, counter, length, checksum
static_assert(kHeaderBytes + kStateBytesMax <= kSlotBytes);

struct Slot {
  std::uint64_t counter = 0;
  std::string blob;
};

/// Counter and length are covered too: half of an old header before new bytes must not pass.
Digest checksum(std::uint64_t counter, std::string_view blob) {
  std::string message;
  append_le64(message, counter);
  append_le32(message, static_cast<std::uint32_t>(blob.size()));
  message.append(blob);
  return blake2b_256(message);
}

std::string encode(const Slot& slot) {
  std::string out(kMagic);
  append_le64(out, slot.counter);
  append_le32(out, static_cast<std::uint32_t>(slot.blob.size()));
  out.append(checksum(slot.counter, slot.blob).bytes());
  out.append(slot.blob);
  return out;
}

/// Empty when the bytes are not a whole slot.
std::optional<Slot> decode(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  Slot out;
  out.counter = read_le64(as_bytes(bytes.substr(8, 8)));
  const std::uint32_t length = read_le32(as_bytes(bytes.substr(16, 4)));
  if (length > bytes.size() - kHeaderBytes) return std::nullopt;
  out.blob = bytes.substr(kHeaderBytes, length);
  if (bytes.substr(20, Digest::kSize) != as_text(checksum(out.counter, out.blob).view())) return std::nullopt;
  return out;
}

bool is_untouched(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

Error cannot(std::string_view what) {
  return {.code = Code::Unavailable,
          .message = fmt::format("cannot {} the agent's state: {}", what, std::strerror(errno)),
          .reason = "state-unwritable",
          .hint = {}};
}

Result<std::string> read_all(int fd, std::size_t size) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = pread(fd, out.data() + have, size - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(cannot("read"));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

Result<void> write_at_start(int fd, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail(cannot("write"));
    done += static_cast<std::size_t>(written);
  }
  return {};
}

}  // namespace

struct StateSlots::Files {
  std::array<Fd, 2> fds;
  std::uint64_t counter = 0;
  std::size_t newest = 1;  // the other one is written next
};

StateSlots::StateSlots(std::unique_ptr<Files> files) : files_(std::move(files)) {}
StateSlots::~StateSlots() = default;

Result<std::unique_ptr<StateSlots>> StateSlots::open(const std::string& folder) {
  auto files = std::make_unique<Files>();
  constexpr std::array<std::string_view, 2> kNames{"/state.a", "/state.b"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::string path = folder + std::string(kNames[i]);
    files->fds[i] = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!files->fds[i].is_open()) return fail(cannot("open"));
    const int error = posix_fallocate(files->fds[i].get(), 0, static_cast<off_t>(kSlotBytes));
    if (error != 0) {
      errno = error;
      return fail(cannot("set aside space for"));
    }
  }
  return std::unique_ptr<StateSlots>(new StateSlots(std::move(files)));
}

Result<std::string> StateSlots::load() {
  std::optional<Slot> best;
  bool is_new = true;
  std::size_t unreadable = 0;
  for (std::size_t i = 0; i < files_->fds.size(); ++i) {
    const Result<std::string> bytes = read_all(files_->fds[i].get(), kSlotBytes);
    is_new = is_new && bytes && is_untouched(*bytes);
    // Dead blocks are damage like any other. Only when the card gives no word at all may it do so at the next start.
    if (!bytes && ++unreadable == files_->fds.size()) return fail(bytes.error());
    if (!bytes) continue;
    std::optional<Slot> slot = decode(*bytes);
    if (!slot || (best && best->counter > slot->counter)) continue;
    files_->newest = i;
    best = std::move(slot);
  }
  if (best) {
    files_->counter = best->counter;
    return std::move(best->blob);
  }
  if (is_new) return std::string();
  return fail({.code = Code::DataLoss,
               .message = "both slots of the agent's state are damaged",
               .reason = "state-lost",
               .hint = {}});
}

Result<void> StateSlots::commit(std::string_view blob) {
  if (blob.size() > kStateBytesMax) {
    return fail(Code::ResourceExhausted,
                fmt::format("the agent's state has {} bytes, at most {} fit", blob.size(), kStateBytesMax));
  }
  const std::size_t next = 1 - files_->newest;
  const int fd = files_->fds[next].get();
  const std::string bytes = encode({.counter = files_->counter + 1, .blob = std::string(blob)});
  KELPIE_TRY(write_at_start(fd, bytes));
  if (fdatasync(fd) != 0) return fail(cannot("sync"));
  // From the card, not from memory: worn cards say yes and keep nothing.
  static_cast<void>(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
  KELPIE_TRY(const std::string back, read_all(fd, bytes.size()));
  if (back != bytes) {
    errno = EIO;
    return fail(cannot("read back"));
  }
  files_->newest = next;
  ++files_->counter;
  return {};
}

}  // namespace kelpie::agent
