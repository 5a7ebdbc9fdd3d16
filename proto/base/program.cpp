#include "proto/base/program.h"
#include "proto/base/fd.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>

#include "proto/base/log.h"

namespace kelpie {

SignalWatch::SignalWatch(std::function<void()> on_stop) {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  thread_ = std::jthread([this, on_stop = std::move(on_stop)](const std::stop_token& stop) {
    constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 200'000'000};  // how long the program's end may wait for this
    while (!stop.stop_requested() && sigtimedwait(&set_, nullptr, &kLook) < 0) continue;
    is_stopping_ = true;
    on_stop();
  });
}

void tell_manager(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || std::strlen(path) >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';
  const Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  static_cast<void>(
      sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), length));
}

Result<std::function<void(std::string_view)>> crash_points(const std::string& text) {
  if (text.empty()) return std::function<void(std::string_view)>();
  const std::size_t colon = text.find(':');
  int left = 0;
  const char* const end = text.data() + text.size();
  if (colon == std::string::npos || std::from_chars(text.data() + colon + 1, end, left).ptr != end || left < 1) {
    return fail(Code::InvalidArgument, fmt::format("crash-at is \"{}\", expected POINT:N", text));
  }
  return [point = text.substr(0, colon), left](std::string_view reached) mutable {
    if (reached != point || --left > 0) return;
    log::warn("crash point reached", {{"point", point}});
    static_cast<void>(raise(SIGKILL));
  };
}

Result<void> make_private_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(Code::Unavailable, fmt::format("cannot make folder \"{}\": {}", path, error.message()));
  if (chmod(path.c_str(), S_IRWXU) != 0) {
    return fail(Code::Unavailable, fmt::format("cannot close folder \"{}\" to others: {}", path, std::strerror(errno)));
  }
  return {};
}

Result<std::string> read_small_file(const std::string& path, std::string_view what, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::NotFound, fmt::format("cannot open {} \"{}\": {}", what, path, std::strerror(errno)));
  std::string text(bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > bytes_max) {
    return fail(Code::ResourceExhausted, fmt::format("{} \"{}\" is larger than {} bytes", what, path, bytes_max));
  }
  return text;
}

}  // namespace kelpie
