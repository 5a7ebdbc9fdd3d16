// The ledger as bytes of a state slot and back.
#pragma once

#include <string>
#include <string_view>

#include "device-agent/core/ledger.h"
#include "proto/wire/trust.h"

namespace kelpie::agent::records {

[[nodiscard]] std::string to_blob(const Ledger& ledger);
/// Errors: DataLoss when the bytes are no ledger, or the release in it is not signed any more.
[[nodiscard]] Result<Ledger> from_blob(std::string_view blob, const wire::Trust& trust);

}  // namespace kelpie::agent::records
