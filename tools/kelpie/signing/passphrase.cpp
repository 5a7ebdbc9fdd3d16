#include "tools/kelpie/signing/passphrase.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "proto/base/fd.h"

namespace kelpie::cli {
namespace {

constexpr std::size_t kBytesMax = 1024;  // chosen: longer than anybody types
constexpr std::size_t kLengthMin = 8;    // chosen: Argon2id makes each guess cost a second, not a wordlist harmless

/// A terminal that does not show what is typed, until this goes.
class Hidden {
 public:
  explicit Hidden(int fd) : fd_(fd) {
    is_changed_ = tcgetattr(fd_, &before_) == 0;
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    is_changed_ = is_changed_ && tcsetattr(fd_, TCSAFLUSH, &now) == 0;
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;
  ~Hidden() {
    if (is_changed_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  [[nodiscard]] bool is_hidden() const { return is_changed_; }

 private:
  int fd_;
  termios before_{};
  bool is_changed_ = false;
};

/// The first line; empty when there is none or it is too long.
Passphrase first_line(int fd) {
  std::array<char, kBytesMax + 1> bytes{};
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = read(fd, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
    if (std::memchr(bytes.data(), '\n', size) != nullptr) break;
  }
  const std::string_view text(bytes.data(), size);
  const std::size_t end = text.find('\n');
  const bool is_whole = end != std::string_view::npos || size <= kBytesMax;
  Passphrase out(is_whole ? std::string(text.substr(0, end)) : std::string());
  explicit_bzero(bytes.data(), bytes.size());
  return out;
}

void say(int fd, std::string_view text) {
  if (write(fd, text.data(), text.size()) < 0) return;  // a question nobody sees is answered by nobody
}

}  // namespace

Passphrase::Passphrase(Passphrase&& other) noexcept : text_(std::move(other.text_)) {
  other.wipe();
}

Passphrase& Passphrase::operator=(Passphrase&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  text_ = std::move(other.text_);
  other.wipe();
  return *this;
}

Passphrase::~Passphrase() {
  wipe();
}

void Passphrase::wipe() {
  text_.resize(text_.capacity());  // a short text that was moved away still lies in the string itself
  explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

Result<Passphrase> read_passphrase_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) {
    return fail(Code::NotFound, fmt::format("cannot open passphrase file \"{}\": {}", path, std::strerror(errno)));
  }
  struct stat found {};
  const bool is_known = fstat(file.get(), &found) == 0;
  if (is_known && S_ISREG(found.st_mode) && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail({.code = Code::PermissionDenied,
                 .message = fmt::format("passphrase file \"{}\" is open to others", path),
                 .reason = {},
                 .hint = fmt::format("chmod 600 {}", path)});
  }
  Passphrase out = first_line(file.get());
  if (out.empty()) {
    return fail(Code::InvalidArgument,
                fmt::format("passphrase file \"{}\" has no first line of at most {} bytes", path, kBytesMax));
  }
  return out;
}

Result<Passphrase> ask_passphrase(std::string_view question) {
  const Fd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal.is_open()) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{}: there is no terminal to ask on", question),
                 .reason = {},
                 .hint = "give it in a file: --passphrase-file FILE"});
  }
  const Hidden hidden(terminal.get());
  if (!hidden.is_hidden()) return fail(Code::InvalidArgument, "this terminal would show the passphrase");
  say(terminal.get(), fmt::format("{}: ", question));
  Passphrase out = first_line(terminal.get());
  say(terminal.get(), "\n");
  return out;
}

Result<Passphrase> ask_new_passphrase(std::string_view question) {
  KELPIE_TRY(Passphrase first, ask_passphrase(question));
  if (first.text().size() < kLengthMin) {
    return fail(Code::InvalidArgument, fmt::format("a passphrase has at least {} characters", kLengthMin));
  }
  KELPIE_TRY(const Passphrase again, ask_passphrase("once more"));
  if (first.text() != again.text()) return fail(Code::InvalidArgument, "the two passphrases differ");
  return first;
}

}  // namespace kelpie::cli
