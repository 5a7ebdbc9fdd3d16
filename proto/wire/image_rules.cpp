#include "proto/wire/image_rules.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

namespace kelpie::wire {
namespace {

constexpr std::size_t kHostBytesMax = 253;  // RFC 1035
constexpr std::size_t kTextBytesMax = 256;  // the walker's, where release.proto gives no other
constexpr int kPortMax = 65'535;
constexpr std::string_view kCertificateBegins = "-----BEGIN CERTIFICATE-----\n";
constexpr std::string_view kCertificateEnds = "-----END CERTIFICATE-----\n";

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// Labels of letters, digits and inner dashes, with single dots between them.
bool is_host(std::string_view text) {
  if (text.empty() || text.size() > kHostBytesMax) return false;
  char before = '.';
  for (const char c : text) {
    const bool is_edge = before == '.' || before == '-';
    if (c == '.' ? is_edge : c == '-' ? before == '.' : !is_lower_or_digit(c)) return false;
    before = c;
  }
  return is_lower_or_digit(before);
}

bool is_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && text.front() != '0' && text.front() != '-' &&
         port <= kPortMax;
}

std::string_view without_scheme(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (url.starts_with(scheme)) return url.substr(scheme.size());
  }
  return {};
}

std::string_view path_of(std::string_view url) {
  const std::string_view rest = without_scheme(url);
  return rest.substr(std::min(rest.find('/'), rest.size()));
}

bool is_path(std::string_view path) {
  const auto is_fine = [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') ||
           std::string_view("/._-~").find(c) != std::string_view::npos;
  };
  return std::all_of(path.begin(), path.end(), is_fine) && path.find("..") == std::string_view::npos;
}

/// PEM certificates and nothing else: the file is read by containerd, and a key does not belong into a release.
bool is_authority(std::string_view pem) {
  const auto is_fine = [](char c) { return (c > 0x20 && c < 0x7F) || c == ' ' || c == '\n'; };
  return pem.starts_with(kCertificateBegins) && pem.ends_with(kCertificateEnds) &&
         std::all_of(pem.begin(), pem.end(), is_fine) && pem.find("PRIVATE KEY") == std::string_view::npos;
}

MirrorTrouble trouble_of(const v1::MirrorHost& host) {
  if (!is_mirror_url(host.url())) {
    return {.field = "url",
            .what = fmt::format("\"{}\" is not an address such as http://mirror.site:5000", host.url())};
  }
  std::set<std::string> seen;
  for (const std::string& word : host.capabilities()) {
    if (word != "pull" && word != "resolve") {
      return {.field = "capabilities", .what = fmt::format("\"{}\" is not pull or resolve", word)};
    }
    if (!seen.insert(word).second)
      return {.field = "capabilities", .what = fmt::format("\"{}\" is listed twice", word)};
  }
  if (host.override_path() && path_of(host.url()).size() <= 1) {
    return {.field = "overridePath", .what = "needs an address with a path"};
  }
  if (host.ca().empty()) return {};
  if (!host.url().starts_with("https://")) return {.field = "ca", .what = "goes with https only"};
  if (!is_authority(host.ca())) return {.field = "ca", .what = "is no text of PEM certificates"};
  return {};
}

}  // namespace

bool is_image_ref(std::string_view text) {
  const auto is_fine = [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == ':' || c == '/' || c == '-';
  };
  return text.find('/') != std::string_view::npos && text.rfind(':') > text.rfind('/') &&
         text.rfind(':') != std::string_view::npos && text.back() != ':' && is_lower_or_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), is_fine);
}

bool is_sha256(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  constexpr std::size_t kHexDigits = 64;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!text.starts_with(kAlgorithm)) return false;
  text.remove_prefix(kAlgorithm.size());
  return text.size() == kHexDigits && std::all_of(text.begin(), text.end(), is_hex);
}

bool is_registry_name(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (text.size() > kTextBytesMax || !is_host(text.substr(0, colon))) return false;
  return colon == std::string_view::npos || (colon + 1 < text.size() && is_port(text.substr(colon + 1)));
}

bool is_mirror_url(std::string_view text) {
  const std::string_view rest = without_scheme(text);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  return text.size() <= kTextBytesMax && is_registry_name(rest.substr(0, slash)) && is_path(rest.substr(slash));
}

MirrorTrouble trouble_of(const v1::Mirror& mirror) {
  if (!is_registry_name(mirror.registry())) {
    return {
        .field = "registry",
        .what = fmt::format("\"{}\" is not a registry such as docker.io or registry.example:5000", mirror.registry())};
  }
  if (mirror.hosts().empty()) return {.field = "hosts", .what = "are missing"};
  if (!mirror.server().empty() && !is_mirror_url(mirror.server())) {
    return {.field = "server",
            .what = fmt::format("\"{}\" is not an address such as https://registry.example", mirror.server())};
  }
  std::set<std::string> seen;
  for (int i = 0; i < mirror.hosts_size(); ++i) {
    MirrorTrouble trouble = trouble_of(mirror.hosts(i));
    if (trouble.what.empty() && !seen.insert(mirror.hosts(i).url()).second) {
      trouble = {.field = "url", .what = fmt::format("\"{}\" is listed twice", mirror.hosts(i).url())};
    }
    if (trouble.what.empty()) continue;
    trouble.field = fmt::format("hosts[{}].{}", i, trouble.field);
    return trouble;
  }
  return {};
}

MirrorTrouble trouble_of(const v1::MirrorsStep& step) {
  if (step.mirrors().empty()) return {.field = "mirrors", .what = "are missing"};
  std::set<std::string> seen;
  for (int i = 0; i < step.mirrors_size(); ++i) {
    MirrorTrouble trouble = trouble_of(step.mirrors(i));
    if (trouble.what.empty() && !seen.insert(step.mirrors(i).registry()).second) {
      trouble = {.field = "registry", .what = fmt::format("\"{}\" is listed twice", step.mirrors(i).registry())};
    }
    if (trouble.what.empty()) continue;
    trouble.field = fmt::format("mirrors[{}].{}", i, trouble.field);
    return trouble;
  }
  return {};
}

}  // namespace kelpie::wire
