#include "tools/kelpie/endpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/core.h>

#include "proto/wire/broker_url.h"
#include "proto/wire/http_client.h"
#include "tools/kelpie/context.h"
#include "tools/kelpie/exit_code.h"

namespace kelpie::cli {
namespace {

constexpr std::size_t kTokenBytesMax = 4'096;  // chosen: far above any token

Result<std::string> read_token(const std::string& path) {
  struct stat status {};
  std::ifstream file(path);
  if (stat(path.c_str(), &status) != 0 || !file) {
    return fail(Code::PermissionDenied, fmt::format("cannot open token file \"{}\": {}", path, std::strerror(errno)));
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail({.code = Code::PermissionDenied,
                 .message = fmt::format("token file \"{}\" can be read by others", path),
                 .reason = {},
                 .hint = fmt::format("chmod 600 {}", path)});
  }
  std::string token;
  std::getline(file, token);
  const bool is_token =
      !token.empty() && token.size() <= kTokenBytesMax &&
      token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") ==
          std::string::npos;
  if (!is_token) return fail(Code::InvalidArgument, fmt::format("the first line of \"{}\" is no token", path));
  return token;
}

/// What the system says of a socket, since curl only says that it could not connect.
std::string socket_trouble(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return errno == ENOENT ? "there is no such socket" : std::strerror(errno);
  if (access(path.c_str(), R_OK | W_OK) != 0) return "you may not open the socket";
  return {};
}

}  // namespace

Result<Endpoint> parse_address(const Setting& hub) {
  const std::string& address = hub.value;
  Endpoint out;
  if (address.starts_with("unix:")) {
    out.unix_socket = address.substr(address.starts_with("unix://") ? 7 : 5);
  } else if (wire::parse_origin(address)) {
    out.origin = address.back() == '/' ? address.substr(0, address.size() - 1) : address;
  } else if (address.find("://") == std::string::npos && address.find('/') != std::string::npos) {
    out.unix_socket = address;
  } else {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("\"{}\" ({}) is no address of a hub", address, hub.origin),
                 .reason = {},
                 .hint = "write /run/kelpie/hub.sock, http://127.0.0.1:8080 or https://hub.example:8443"});
  }
  if (!out.unix_socket.empty()) out.unix_socket = absolute_path(out.unix_socket);
  return out;
}

Result<Endpoint> endpoint_of(const Settings& settings) {
  KELPIE_TRY(Endpoint out, parse_address(settings.hub));
  if (settings.token_file.value.empty()) return out;
  const auto origin = wire::parse_origin(out.origin);
  if (out.unix_socket.empty() && origin && origin->scheme == "http" && !wire::is_loopback(origin->host)) {
    return fail({.code = Code::PermissionDenied,
                 .message = fmt::format("a token must not travel unencrypted to {}", out.origin),
                 .reason = {},
                 .hint = "use https, or an SSH tunnel to the hub's socket"});
  }
  KELPIE_TRY(out.token, read_token(settings.token_file.value));
  return out;
}

Error unreachable(const Settings& settings, const Endpoint& endpoint, const Error& error) {
  std::string why = endpoint.unix_socket.empty() ? std::string() : socket_trouble(endpoint.unix_socket);
  if (why.empty()) {
    const std::size_t colon = error.message.rfind(": ");  // "GET address: reason"
    why = colon == std::string::npos ? error.message : error.message.substr(colon + 2);
  }
  if (why == "you may not open the socket") {
    return {.code = Code::PermissionDenied,
            .message = fmt::format("{} of the {}", why, hub_words(settings)),
            .reason = {},
            .hint = "its group may: sudo adduser $USER kelpie, then log in again"};
  }
  return {.code = Code::Unavailable,
          .message = fmt::format("no answer from the {}: {}", hub_words(settings), why),
          .reason = std::string(kReasonNoHub),
          .hint = "is it running?  systemctl status kelpie-hub. Other hubs: kelpie context list, --hub ADDRESS"};
}

}  // namespace kelpie::cli
