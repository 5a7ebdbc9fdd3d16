// The repairs that `doctor --fix` makes: nothing that loses anything, and each says how it is taken back.
#pragma once

#include <string>

#include "device-agent/doctor/examine.h"

namespace kelpie::agent {

/// What was changed, and how it is taken back.
[[nodiscard]] Tried<std::string> mend(Repair repair, const Work& work);

}  // namespace kelpie::agent
