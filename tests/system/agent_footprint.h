// What a running agent costs a 1 GB device, by the kernel's own count.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace kelpie::test {

/// Prints anonymous memory and PSS, and expects at most 6 and 24 MiB (architecture section 7).
void expect_small(pid_t agent, std::string_view when);

}  // namespace kelpie::test
