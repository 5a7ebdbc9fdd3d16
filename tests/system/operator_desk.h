// An operator who works with kelpie alone: an installation that `kelpie hub init` made, the real hub on it, devices
// that answer, and a folder for manifests.
#pragma once

#include <string>
#include <vector>

#include "tests/system/hub_program.h"

namespace kelpie::test {

class OperatorDesk {
 public:
  /// init_flags: more words for `kelpie hub init`.
  explicit OperatorDesk(const std::vector<std::string>& init_flags = {"--no-passphrase"});

  [[nodiscard]] HubProgram& hub() { return *hub_; }
  /// kelpie with these words, to its end, signing as ana; the devices live meanwhile.
  Finished kelpie(std::vector<std::string> words);
  /// The same with another key.
  Finished kelpie_as(const std::string& key, std::vector<std::string> words);

  /// The same as ana, without waiting for its end.
  Child start(std::vector<std::string> words);

  /// Writes a file of the desk; its path.
  std::string file(const std::string& name, const std::string& text);
  [[nodiscard]] std::string path(const std::string& name) const { return dir_ / name; }
  [[nodiscard]] std::string operator_key() const { return dir_ / "installation/operator/operator.key"; }

 private:
  Child start_as(const std::string& key, std::vector<std::string> words);

  TempDir dir_;
  std::unique_ptr<HubProgram> hub_;
};

/// What a person at a terminal reads, and then types.
struct Question {
  std::string prompt;
  std::string answer;
};
/// kelpie on a terminal of its own, beside no hub. Finished::out is all that the terminal showed.
Finished kelpie_on_terminal(const std::vector<std::string>& words, const std::vector<Question>& questions);

/// kelpie beside no hub.
Finished plain_kelpie(std::vector<std::string> words);
/// The 26 characters behind "Plan ".
[[nodiscard]] std::string plan_of(const std::string& text);

}  // namespace kelpie::test
