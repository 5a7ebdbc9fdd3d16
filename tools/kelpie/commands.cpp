#include "tools/kelpie/commands.h"

#include <iterator>

namespace kelpie::cli {

std::vector<Command> all_commands() {
  std::vector<Command> out;
  for (const auto commands_of : {status_commands,
                                 manifest_commands,
                                 export_commands,
                                 device_list_commands,
                                 device_show_commands,
                                 device_change_commands,
                                 device_diagnose_commands,
                                 fleet_commands,
                                 release_commands,
                                 release_make_commands,
                                 release_images_commands,
                                 planning_commands,
                                 rollout_commands,
                                 send_commands,
                                 run_commands,
                                 event_commands,
                                 hub_commands,
                                 key_commands,
                                 context_commands,
                                 completion_commands,
                                 own_commands}) {
    std::vector<Command> some = commands_of();
    out.insert(out.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return out;
}

}  // namespace kelpie::cli
