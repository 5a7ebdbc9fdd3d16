// The real kelpie command beside the real hub and played devices: what it prints, and how it ends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/system/fleet_operator.h"

namespace kelpie::test {

class CliProgram {
 public:
  /// Hub and broker are running when it returns.
  CliProgram();

  [[nodiscard]] HubProgram& hub() { return hub_; }
  [[nodiscard]] FleetOperator& person() { return operator_; }

  /// kelpie with these words, to its end; the devices live meanwhile.
  Finished kelpie(const std::vector<std::string>& words, const std::string& input = {});
  /// The same, without waiting for its end.
  Child start(const std::vector<std::string>& words);
  /// Until it has ended; the devices live meanwhile. Its exit code.
  int wait(Child& child);
  /// Until the condition holds; the devices live meanwhile.
  [[nodiscard]] bool until(const std::function<bool()>& condition);

  /// On a terminal of this width, typing this. What the terminal showed is Finished::out.
  Finished on_terminal(const std::vector<std::string>& words, const std::string& typed, unsigned short width);

 private:
  [[nodiscard]] std::vector<std::string> environment() const;

  TempDir dir_;
  HubProgram hub_;
  FleetOperator operator_{hub_, [this] { hub_.pump(kPump); }};
  static constexpr std::chrono::milliseconds kPump{10};
};

/// kelpie without any hub; the folder is its configuration.
Finished lone_kelpie(const TempDir& config, const std::vector<std::string>& words,
                     const std::vector<std::string>& environment = {});

}  // namespace kelpie::test
