#include "tools/kelpie/commands.h"

#include <iterator>

namespace kelpie::cli {

std::vector<Command> all_commands() {
  std::vector<Command> out;
  for (const auto commands_of : {status_commands, hub_commands, own_commands}) {
    std::vector<Command> some = commands_of();
    out.insert(out.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return out;
}

}  // namespace kelpie::cli
