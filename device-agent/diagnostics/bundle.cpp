#include "device-agent/diagnostics/bundle.h"

#include <algorithm>

#include <fmt/core.h>

#include "device-agent/diagnostics/redact.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kMissingMax = 200;       // lines
constexpr std::size_t kMissingBytesMax = 500;  // of one
constexpr std::string_view kMissingFile = "missing.txt";

std::string file_name(std::string_view name) {
  std::string out(name);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !wire::is_archive_name(std::string("a") + c + "a"); }, '-');
  return wire::is_archive_name(out) ? out : "unnamed.txt";
}

/// Whole lines of it.
std::string cut(std::string text, Keep keep) {
  if (text.size() <= kBundleFileBytesMax) return text;
  const std::string note = fmt::format("[{} of {} bytes]\n", kBundleFileBytesMax, text.size());
  if (keep == Keep::Head) {
    text.resize(kBundleFileBytesMax);
    return text + "\n" + note;
  }
  text.erase(0, text.size() - kBundleFileBytesMax);
  return note + text.substr(std::min(text.find('\n') + 1, text.size()));
}

}  // namespace

void Bundle::put(std::string_view name, std::string_view text, Keep keep) {
  const std::string file = file_name(name);
  if (packed_.files == kBundleFilesMax) return lacks(file, fmt::format("more than {} files", kBundleFilesMax));
  // Cleaned first, since an escape in the middle would hide a secret; cut last, since the cut would part it from its
  // key.
  if (!writer_.add({.name = file, .text = cut(redact(plain_text(text)), keep)})) {
    return lacks(file, fmt::format("no room left in {}", in_mebibytes(kBundleBytesMax)));
  }
  ++packed_.files;
}

void Bundle::lacks(std::string_view name, std::string_view why) {
  if (packed_.missing.size() == kMissingMax) return;
  std::string line = redact(plain_text(fmt::format("{}: {}", name, why)));
  std::replace(line.begin(), line.end(), '\n', ' ');
  packed_.missing.push_back(line.substr(0, kMissingBytesMax));
}

Packed Bundle::finish() {
  std::string lines = packed_.missing.empty() ? "nothing is missing\n" : "";
  for (const std::string& line : packed_.missing) lines += line + "\n";
  if (writer_.add({.name = std::string(kMissingFile), .text = lines})) ++packed_.files;
  packed_.bytes = writer_.finish();
  return std::move(packed_);
}

}  // namespace kelpie::agent
