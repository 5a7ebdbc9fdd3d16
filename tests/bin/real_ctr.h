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
/// By name, as the model keeps them.
[[nodiscard]] std::map<std::string, sim::Image> real_images(std::vector<std::string> argv, const std::string& platform);

}  // namespace kelpie::test
