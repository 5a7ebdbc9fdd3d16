#include "proto/wire/addon_values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/core.h>

namespace kelpie::wire {
namespace {

constexpr std::size_t kTextBytesMax = 253;  // of a name in DNS; nothing here is longer
constexpr std::size_t kListMax = 16;        // chosen: ranges or servers of one site

tl::unexpected<Error> wrong(std::string_view text, std::string_view what) {
  return fail(Code::InvalidArgument, fmt::format("\"{}\" is not {}", text.substr(0, kTextBytesMax), what));
}

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

struct Address {
  int family = AF_INET;
  std::array<unsigned char, 16> bytes{};  // of IPv4 the first four
  [[nodiscard]] bool is_loopback() const {
    constexpr unsigned char kLoopback4 = 127;
    if (family == AF_INET) return bytes[0] == kLoopback4;
    return std::all_of(bytes.begin(), bytes.end() - 1, [](unsigned char byte) { return byte == 0; });
  }
  [[nodiscard]] bool is_private() const {
    constexpr unsigned char kTen = 10;
    constexpr unsigned char kCarrier = 100;  // 100.64.0.0/10
    if (family != AF_INET) return (bytes[0] & 0xFEU) == 0xFCU;
    return bytes[0] == kTen || (bytes[0] == 172 && (bytes[1] & 0xF0U) == 16) || (bytes[0] == 192 && bytes[1] == 168) ||
           (bytes[0] == kCarrier && (bytes[1] & 0xC0U) == 64);
  }
};

bool read_address(std::string_view text, Address& out) {
  const std::string copy(text);  // inet_pton wants an end
  out = {};
  if (copy.find('\0') != std::string::npos) return false;
  out.family = text.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  return inet_pton(out.family, copy.c_str(), out.bytes.data()) == 1;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_label(std::string_view text) {
  constexpr std::size_t kLabelMax = 63;
  return !text.empty() && text.size() <= kLabelMax && is_lower_or_digit(text.front()) &&
         is_lower_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
  const std::vector<std::string_view> labels = split(text, '.');
  return text.size() <= kTextBytesMax && std::all_of(labels.begin(), labels.end(), is_label);
}

/// FIRST-LAST, the first not after the last, or NETWORK/BITS.
bool is_range(std::string_view text) {
  Address first;
  Address last;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    return read_address(text.substr(0, dash), first) && read_address(text.substr(dash + 1), last) &&
           first.family == last.family && first.bytes <= last.bytes;
  }
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !read_address(text.substr(0, slash), first)) return false;
  const std::string_view bits = text.substr(slash + 1);
  int number = 0;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), number);
  constexpr int kBits4 = 32;
  constexpr int kBits6 = 128;
  return error == std::errc{} && end == bits.data() + bits.size() && bits.front() != '-' && number > 0 &&
         number <= (first.family == AF_INET ? kBits4 : kBits6);
}

Result<std::string> read_servers(std::string_view text) {
  if (text == "/etc/resolv.conf") return std::string(text);
  const std::vector<std::string_view> servers = split(text, ',');
  if (servers.size() > kListMax) return wrong(text, fmt::format("a list of at most {} servers", kListMax));
  for (const std::string_view server : servers) {
    Address address;
    if (!read_address(server, address)) {
      return wrong(server, "an address: several servers are one argument, 1.1.1.1,9.9.9.9");
    }
    // CoreDNS in its pod would ask itself (facts, microk8s 5.3).
    if (address.is_loopback()) return wrong(server, "a server that a pod can reach");
  }
  return std::string(text);
}

Result<std::string> read_ranges(std::string_view text) {
  const std::vector<std::string_view> ranges = split(text, ',');
  if (ranges.size() > kListMax) return wrong(text, fmt::format("a list of at most {} ranges", kListMax));
  for (const std::string_view range : ranges) {
    if (!is_range(range)) return wrong(range, "a range such as 10.0.0.10-10.0.0.20 or 10.0.7.0/28");
  }
  return std::string(text);
}

Result<std::string> read_size(std::string_view text) {
  constexpr int kGibibytesMin = 20;  // facts, microk8s 5.3
  constexpr int kGibibytesMax = 99'999;
  int number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_size = error == std::errc{} && text.substr(static_cast<std::size_t>(rest - text.data())) == "Gi" &&
                       text.front() != '0' && number >= kGibibytesMin && number <= kGibibytesMax;
  if (!is_size) return wrong(text, fmt::format("a size such as {}Gi, the least it takes", kGibibytesMin));
  return std::string(text);
}

bool is_url(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  constexpr std::string_view kFine = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~/:%";
  return text.size() <= kTextBytesMax && text.starts_with(kScheme) && text.size() > kScheme.size() &&
         text.find_first_not_of(kFine) == std::string_view::npos;
}

bool is_version(std::string_view text) {
  constexpr std::size_t kVersionMax = 64;
  return !text.empty() && text.size() <= kVersionMax && std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+' || c == '_';
  }) && text.front() != '-';
}

Result<std::string> accept(bool is_fine, std::string_view text, std::string_view what) {
  if (!is_fine) return wrong(text, what);
  return std::string(text);
}

}  // namespace

Result<std::string> read_addon_value(AddonValue kind, std::string_view text) {
  Address address;
  switch (kind) {
    case AddonValue::Address4:
      return accept(read_address(text, address) && address.family == AF_INET && !address.is_loopback(), text,
                    "an IPv4 address such as 10.0.1.1");
    case AddonValue::ClusterAddress:
      return accept(read_address(text, address) && address.is_private(), text,
                    "the cluster's own address for DNS, such as 10.152.183.10; several servers are one argument, "
                    "1.1.1.1,9.9.9.9");
    case AddonValue::DnsServers: return read_servers(text);
    case AddonValue::Domain: return accept(is_subdomain(text), text, "a domain such as cluster.local");
    case AddonValue::Driver:
      return accept(text == "auto" || text == "host" || text == "operator", text, "auto, host or operator");
    case AddonValue::Name: return accept(is_subdomain(text), text, "a name of small letters, digits, - and .");
    case AddonValue::Ranges: return read_ranges(text);
    case AddonValue::ReclaimPolicy: return accept(text == "Delete" || text == "Retain", text, "Delete or Retain");
    case AddonValue::RegistrySize: return read_size(text);
    case AddonValue::SecretName: {
      const std::size_t slash = std::min(text.find('/'), text.size());
      return accept(slash != text.size() && is_label(text.substr(0, slash)) && is_subdomain(text.substr(slash + 1)),
                    text, "a Secret such as default/site-tls");
    }
    case AddonValue::Truth: return accept(text == "true" || text == "false", text, "true or false");
    case AddonValue::Url: return accept(is_url(text), text, "an address that begins with https://");
    case AddonValue::Version: return accept(is_version(text), text, "a version such as v1.2.3");
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::wire
