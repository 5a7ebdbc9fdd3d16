// How many files the system lets this process open: each simulated device holds one, its connection.
#pragma once

#include <cstddef>

#include "proto/base/result.h"

namespace kelpie::sim {

/// Raises the soft limit, and the hard one where that is permitted, to what so many connections need.
/// Errors: ResourceExhausted with what to type.
[[nodiscard]] Result<void> allow_files(std::size_t connections);

}  // namespace kelpie::sim
