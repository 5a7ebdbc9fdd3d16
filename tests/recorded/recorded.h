// Files of what the real programs print: each cites its section of the fact sheet, says on what device, and goes on
// with what is asked and what comes back.
#pragma once

#include <string>
#include <vector>

#include "proto/base/result.h"
#include "tools/sim/microk8s/device_state.h"

namespace kelpie::test {

struct Exchange {
  std::string behaviour;           // what of it is worth knowing, in a line; empty: it leads to another
  std::string section;             // of the fact sheet: "0 fact 2, 10 E"
  std::vector<std::string> words;  // "microk8s status --format short", "snapd GET /v2/snaps/microk8s"
  std::string input;
  int code = 0;  // exit code, or HTTP status
  std::string out;
  std::string err;
  std::string json;  // what out is as JSON, whatever its order

  [[nodiscard]] bool is_request() const { return words.front() == "snapd"; }
  [[nodiscard]] bool is_file() const { return words.front() == "cat"; }
};

struct Recorded {
  std::string name;
  std::string source;  // "facts, microk8s 10 A"
  std::vector<std::string> device;
  std::vector<Exchange> exchanges;
};

/// tests/recorded/*.txt by name. Errors: InvalidArgument with file and line.
[[nodiscard]] Result<std::vector<Recorded>> read_recorded();

/// All that the doubles act out, as a page.
[[nodiscard]] std::string list_of_behaviours(const std::vector<Recorded>& all);

/// The device that a file speaks of.
[[nodiscard]] sim::DeviceState device_of(const Recorded& recorded, const sim::World& world, SteadyTime now);
[[nodiscard]] sim::World world_of(const Recorded& recorded);

/// Equal but for "…", which stands for any characters of a line, and alone in a line for any lines.
[[nodiscard]] bool is_as_recorded(const std::string& recorded, const std::string& printed);

}  // namespace kelpie::test
