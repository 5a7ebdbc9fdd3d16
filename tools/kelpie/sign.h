// Commands that sign: whose key, which trust document, and that the hub belongs to the same installation.
#pragma once

#include "tools/kelpie/command.h"
#include "tools/kelpie/signing/plan_check.h"
#include "tools/kelpie/signing/signer.h"

namespace kelpie::cli {

/// The key of --sign-key, KELPIE_SIGN_KEY or the context, its passphrase asked or read from --passphrase-file, and the
/// trust document beside it, or else the hub's.
/// Errors: InvalidArgument (no key named); those of load_key; PermissionDenied when the key is no operator's or the hub
/// belongs to another installation.
[[nodiscard]] Result<Signer> open_signer(Invocation& invocation);

/// The trust document beside the operator's key; without one the hub's, which then vouches for itself.
[[nodiscard]] Result<wire::Trust> known_trust(Invocation& invocation);
[[nodiscard]] Result<wire::Trust> trust_of_hub(Session& session);

/// A release of the hub, its operators' signatures checked. Errors: the hub's; E_SIG.
[[nodiscard]] Result<ProvedRelease> fetch_release(Session& session, const std::string& ref, const wire::Trust& trust);

inline constexpr Flag kSignKeyFlag{.name = "sign-key",
                                   .value = "FILE",
                                   .what = "an operator's key file; or KELPIE_SIGN_KEY, or the context's",
                                   .completes = Completes::Files};
inline constexpr Flag kPassphraseFileFlag{.name = "passphrase-file",
                                          .value = "FILE",
                                          .what = "its first line opens the key; else it is asked",
                                          .completes = Completes::Files};
inline constexpr Flag kFileFlag{.name = "file",
                                .letter = 'f',
                                .value = "PATH",
                                .what = "a manifest or a folder of them; - is stdin",
                                .is_repeated = true,
                                .completes = Completes::Files};

}  // namespace kelpie::cli
