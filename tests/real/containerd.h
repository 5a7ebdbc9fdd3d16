// A real containerd at a site, and the `ctr` that speaks to it: Debian's, or those of KELPIE_TEST_CONTAINERD (a folder
// with `containerd` and `ctr`).
#pragma once

#include <string>
#include <vector>

#include "tests/real/site.h"
#include "tests/support/child.h"

namespace kelpie::test {

class Containerd {
 public:
  /// Keeps what it has under folder, images in folder/root, which may be a file system of its own.
  Containerd(const Site& site, const std::string& folder);

  void start();
  /// As a power cut would end it.
  void kill() { daemon_.kill_now(); }

  /// What starts `ctr` as MicroK8s does, its arguments to follow.
  [[nodiscard]] std::vector<std::string> ctr() const;
  /// Output of `ctr WORDS`; the test fails when it fails.
  std::string ask(const std::vector<std::string>& words) const;
  [[nodiscard]] std::string log() const { return daemon_.err(); }

 private:
  [[nodiscard]] bool can_be_asked() const;

  const Site& site_;
  std::string folder_;
  Child daemon_;
};

/// Empty when there is one, and otherwise what to install.
[[nodiscard]] std::string why_no_containerd();

}  // namespace kelpie::test
