#include "tools/kelpie/manifest/images.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::cli {
namespace {

constexpr std::size_t kRefBytesMax = 256;  // release.proto: the walker's limit for texts

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool has_registry(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view first = name.substr(0, slash);
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost";
}

std::size_t tag_at(std::string_view ref) {
  const std::size_t colon = ref.rfind(':');
  const std::size_t slash = ref.rfind('/');
  const bool is_tag = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return is_tag ? colon : std::string_view::npos;
}

std::string with_registry(std::string_view name) {
  if (has_registry(name)) return std::string(name);
  return fmt::format("docker.io/{}{}", name.find('/') == std::string_view::npos ? "library/" : "", name);
}

bool is_fine(char c) {
  return is_letter_or_digit(c) || std::string_view("._:/-").find(c) != std::string_view::npos;
}

}  // namespace

Result<std::string> parse_image_digest(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  constexpr std::size_t kHexDigits = 64;
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const std::string_view hex = text.substr(std::min(kAlgorithm.size(), text.size()));
  if (text.starts_with(kAlgorithm) && hex.size() == kHexDigits && std::all_of(hex.begin(), hex.end(), is_hex)) {
    return std::string(text);
  }
  return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a digest: sha256: and 64 hex digits", text));
}

Result<ImageName> parse_image(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::string_view ref = text.substr(0, at);
  ImageName out{.ref = std::string(ref), .digest = {}};
  if (at != std::string_view::npos) {
    KELPIE_TRY(out.digest, parse_image_digest(text.substr(at + 1)));
  }
  if (ref.empty() || ref.size() > kRefBytesMax || !is_letter_or_digit(ref.front()) ||
      !std::all_of(ref.begin(), ref.end(), is_fine) || ref.back() == ':' || ref.back() == '/' ||
      ref.find("//") != std::string_view::npos || ref.find("/:") != std::string_view::npos) {
    return fail(Code::InvalidArgument,
                fmt::format("\"{}\" is not an image name such as docker.io/library/nginx:1.27", text));
  }
  if (tag_at(ref) == std::string_view::npos) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" has no tag. Write {}:TAG", text, with_registry(ref)));
  }
  if (!has_registry(ref)) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\" is not a full image name. Did you mean \"{}\"?", text,
                                                   with_registry(ref) + std::string(text.substr(ref.size()))));
  }
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const std::string_view name = ref.substr(0, tag_at(ref));
  if (std::any_of(name.begin(), name.end(), is_upper)) {
    return fail(Code::InvalidArgument, fmt::format("\"{}\": names of images are in lower case", text));
  }
  return out;
}

std::string_view registry_of(std::string_view ref) {
  return ref.substr(0, ref.find('/'));
}

std::string_view repository_of(std::string_view ref) {
  const std::string_view name = ref.substr(0, tag_at(ref));
  return name.substr(std::min(name.find('/') + 1, name.size()));
}

std::string_view tag_of(std::string_view ref) {
  const std::size_t at = tag_at(ref);
  return at == std::string_view::npos ? std::string_view() : ref.substr(at + 1);
}

std::string completed_image(std::string_view text) {
  std::string out = with_registry(text.substr(0, text.find('@')));
  if (tag_at(out) == std::string::npos) out.append(":latest");
  return out;
}

}  // namespace kelpie::cli
