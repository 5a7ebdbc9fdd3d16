// What the texts of a release may hold: they become arguments of programs that run as root, names of objects and files,
// lines of logs. Every kind of step, also ones to come.
#pragma once

#include "proto/base/result.h"

namespace kelpie::v1 {
class Release;
}

namespace kelpie::agent {

/// Errors: E_SCHEMA, naming the field and the rule.
[[nodiscard]] Result<void> require_harmless_texts(const v1::Release& release);

}  // namespace kelpie::agent
