#include "tools/kelpie/signing/registry.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <sodium.h>
#include <nlohmann/json.hpp>

#include "proto/base/bytes.h"
#include "proto/wire/http_client.h"
#include "tools/kelpie/manifest/images.h"

namespace kelpie::cli {
namespace {

constexpr std::size_t kManifestBytesMax = 4U << 20U;  // the limit registries themselves keep
constexpr std::chrono::milliseconds kTimeout{30'000};
constexpr int kOk = 200;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;

constexpr std::string_view kAccept =
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

std::string origin_of(std::string_view ref) {
  std::string host(registry_of(ref));
  if (host == "docker.io") host = "registry-1.docker.io";
  const std::string_view name = std::string_view(host).substr(0, host.rfind(':'));
  const bool is_loopback = name == "localhost" || name == "127.0.0.1";
  return (is_loopback ? "http://" : "https://") + host;
}

Result<wire::HttpResponse> get(const std::string& url, const std::string& token) {
  wire::HttpRequest request;
  request.url = url;
  request.timeout = kTimeout;
  request.response_bytes_max = kManifestBytesMax;
  request.headers = {{"Accept", std::string(kAccept)}};
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  return wire::http_call(request);
}

/// realm of: Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="…"
std::string parameter_of(std::string_view challenge, std::string_view name) {
  const std::string wanted = fmt::format("{}=\"", name);
  const std::size_t at = challenge.find(wanted);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = challenge.substr(at + wanted.size());
  return std::string(rest.substr(0, rest.find('"')));
}

/// As a part of a query: everything but letters, digits and -._~/: is escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-._~/:").find(c) != std::string_view::npos;
    if (is_plain) {
      out.push_back(c);
    } else {
      out.append(fmt::format("%{:02X}", static_cast<unsigned char>(c)));
    }
  }
  return out;
}

Result<std::string> anonymous_token(const std::string& ref, std::string_view challenge) {
  const std::string realm = parameter_of(challenge, "realm");
  if (!challenge.starts_with("Bearer ") || realm.empty()) {
    return fail(Code::PermissionDenied,
                fmt::format("the registry of {} wants a login, which is not supported yet", ref));
  }
  const std::string url = fmt::format("{}?service={}&scope=repository:{}:pull", realm,
                                      escaped(parameter_of(challenge, "service")), escaped(repository_of(ref)));
  KELPIE_TRY(const wire::HttpResponse answer, get(url, {}));
  const nlohmann::json parsed = nlohmann::json::parse(answer.body, nullptr, false);
  for (const char* key : {"token", "access_token"}) {
    if (!parsed.is_object()) break;
    const auto at = parsed.find(key);
    if (at != parsed.end() && at->is_string()) return at->get<std::string>();
  }
  return fail(Code::PermissionDenied, fmt::format("the registry of {} gives no anonymous token", ref));
}

std::string sha256_of(std::string_view text) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), as_bytes(text).data(), text.size());
  return "sha256:" + to_hex(hash);
}

}  // namespace

Result<std::string> resolve_digest(const std::string& ref) {
  const std::string url = fmt::format("{}/v2/{}/manifests/{}", origin_of(ref), repository_of(ref), tag_of(ref));
  KELPIE_TRY(wire::HttpResponse answer, get(url, {}));
  if (answer.status == kUnauthorized) {
    KELPIE_TRY(const std::string token, anonymous_token(ref, answer.challenge));
    KELPIE_TRY(answer, get(url, token));
  }
  if (answer.status == kNotFound) return fail(Code::NotFound, fmt::format("the registry has no image {}", ref));
  if (answer.status == kUnauthorized || answer.status == kForbidden) {
    return fail(Code::PermissionDenied, fmt::format("the registry does not show {} to everybody", ref));
  }
  if (answer.status != kOk) {
    return fail(Code::Unavailable, fmt::format("the registry answers {} about {}", answer.status, ref));
  }
  const nlohmann::json manifest = nlohmann::json::parse(answer.body, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("schemaVersion")) {
    return fail(Code::InvalidArgument, fmt::format("the registry's answer about {} is no image manifest", ref));
  }
  return sha256_of(answer.body);
}

}  // namespace kelpie::cli
