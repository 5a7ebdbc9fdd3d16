#include "proto/wire/broker_url.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <string_view>

#include <fmt/core.h>

namespace kelpie::wire {
namespace {

constexpr std::string_view kScheme = "tcp://";

tl::unexpected<Error> wrong_url(const std::string& url) {
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("broker URL \"{}\" is not tcp://host:port", url),
               .reason = {},
               .hint = "write tcp://127.0.0.1:1883"});
}

}  // namespace

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  std::array<std::uint8_t, 4> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 && address[0] == 127;
}

Result<BrokerUrl> parse_broker_url(const std::string& url) {
  const std::size_t colon = url.rfind(':');
  if (!url.starts_with(kScheme) || colon == std::string::npos || colon <= kScheme.size()) return wrong_url(url);
  BrokerUrl out{.host = url.substr(kScheme.size(), colon - kScheme.size())};
  const char* end = url.data() + url.size();
  const auto [at, error] = std::from_chars(url.data() + colon + 1, end, out.port);
  if (error != std::errc{} || at != end || out.port == 0) return wrong_url(url);
  if (is_loopback(out.host)) return out;
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("broker \"{}\" is not on this machine's loopback, and without TLS the "
                                      "password and every message could be read on the way",
                                      url),
               .reason = {},
               .hint = "use tcp://127.0.0.1:PORT, over an SSH or WireGuard tunnel when the broker is elsewhere"});
}

}  // namespace kelpie::wire
