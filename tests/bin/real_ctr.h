// A double whose containerd is a real one: `microk8s ctr` is handed to the real `ctr`, and kubelet of the double has
// the images that are really there. FOLDER/ctr.argv says how it is started, a word on each line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/sim/microk8s/device_state.h"

namespace kelpie::test {

void write_real_ctr(const std::string& folder, const std::vector<std::string>& argv);
/// Empty: the model answers.
[[nodiscard]] std::vector<std::string> read_real_ctr(const std::string& folder);

/// With this program's input and output, in its process group. The exit code.
[[nodiscard]] int run_real_ctr(std::vector<std::string> argv, const std::vector<std::string>& words);
/// Of `microk8s ctr image tag SOURCE NAME` and `… rm NAME…`; other commands make no name that a pod asks for.
[[nodiscard]] std::vector<std::string> names_changed_by(const std::vector<std::string>& argv);
/// Those of the names that there are, as the model keeps them. (A listing of all takes seconds on a busy machine.)
[[nodiscard]] std::map<std::string, sim::Image> real_images(std::vector<std::string> argv,
                                                            const std::vector<std::string>& names,
                                                            const std::string& platform);

}  // namespace kelpie::test
