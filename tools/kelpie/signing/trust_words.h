// Who could do what if which key leaked: the trust document in words. Pure.
#pragma once

#include <string>
#include <vector>

#include "proto/wire/trust.h"

namespace kelpie::cli {

/// Sentences, most powerful key last.
[[nodiscard]] std::vector<std::string> trust_words(const wire::Trust& trust);

inline constexpr std::string_view kBothFoldersHere =
    "the hub's and the operators' keys are on this host: whoever owns this host owns the fleet";

}  // namespace kelpie::cli
