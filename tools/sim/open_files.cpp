#include "tools/sim/open_files.h"

#include <sys/resource.h>

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::sim {
namespace {

constexpr rlim_t kFilesBeside = 64;  // chosen: libraries, epoll, the terminal

}  // namespace

Result<void> allow_files(std::size_t connections) {
  const rlim_t wanted = connections + kFilesBeside;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) return {};
  const rlimit raised{.rlim_cur = wanted, .rlim_max = std::max(limit.rlim_max, wanted)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return {};
  return fail(
      {.code = Code::ResourceExhausted,
       .message =
           fmt::format("{} connections need {} open files, this system allows {}", connections, wanted, limit.rlim_max),
       .reason = {},
       .hint = fmt::format("as root: ulimit -Hn {}, and the same for the broker; or a smaller --count", wanted)});
}

}  // namespace kelpie::sim
