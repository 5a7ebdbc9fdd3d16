#include "tests/tools/kelpie/manifest/samples.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::cli::test {

Read read(const std::string& text, const std::map<std::string, std::string>& files) {
  const Sources sources{.read = [&](const std::string& path) -> Result<std::string> {
                          const auto at = files.find(path);
                          if (at == files.end())
                            return fail(Code::NotFound, fmt::format("there is no file \"{}\"", path));
                          return at->second;
                        },
                        .resolve = {}};
  Read out;
  Problems problems;
  read_manifests(text, "m.yaml", sources, problems, out.manifests);
  for (const Problem& problem : problems.errors()) out.errors.push_back(to_string(problem));
  for (const Problem& problem : problems.warnings()) out.warnings.push_back(to_string(problem));
  return out;
}

v1::Release release_of(const std::string& text, const std::map<std::string, std::string>& files) {
  Read got = read(text, files);
  for (const std::string& error : got.errors) ADD_FAILURE() << error;
  if (got.manifests.releases.size() != 1) {
    ADD_FAILURE() << got.manifests.releases.size() << " releases";
    return {};
  }
  return std::move(got.manifests.releases.front().release);
}

std::string release_text(const std::string& more) {
  return "kind: Release\nname: kiosk\nversion: 1.4.0\n" + more;
}

std::string fleet_text(const std::string& more) {
  return "kind: Fleet\nname: eu\nselector: region=eu\n" + more;
}

std::string digest_of(char digit) {
  return "sha256:" + std::string(63, '0') + digit;
}

}  // namespace kelpie::cli::test
