#include "tools/kelpie/sign.h"

#include <unistd.h>

#include <fmt/core.h>

#include "tools/kelpie/names.h"

namespace kelpie::cli {
namespace {

bool is_there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Result<void> check_same_installation(Session& session, const wire::Trust& mine) {
  KELPIE_TRY(const wire::Trust hub, trust_of_hub(session));
  if (hub.installation == mine.installation) return {};
  return fail({.code = Code::PermissionDenied,
               .message = fmt::format("this hub belongs to installation {} ({}), your key to {} ({})",
                                      fingerprint(hub.installation.view()), hub.name,
                                      fingerprint(mine.installation.view()), mine.name),
               .reason = "INSTALLATION",
               .hint = "kelpie context list shows your hubs"});
}

}  // namespace

Result<wire::Trust> trust_of_hub(Session& session) {
  KELPIE_TRY(const api::v1::TrustView view, session.call<api::v1::TrustView>("GetTrust", api::v1::Empty()));
  Result<wire::Trust> trust = wire::open_first_trust(as_bytes(view.frame()));
  if (!trust) return fail(with_context(trust.error(), "the hub's trust document"));
  return trust;
}

Result<wire::Trust> known_trust(Invocation& in) {
  const std::string& key = in.settings().sign_key.value;
  const std::string beside = trust_beside(key);
  if (!key.empty() && is_there(beside)) return read_trust_file(beside);
  return trust_of_hub(in.session());
}

Result<Signer> open_signer(Invocation& in) {
  const std::string& path = in.settings().sign_key.value;
  if (path.empty()) {
    return fail(
        {.code = Code::InvalidArgument,
         .message = fmt::format("{} signs, and no operator's key is named", in.command().path),
         .reason = {},
         .hint = "--sign-key operator/operator.key, KELPIE_SIGN_KEY, or kelpie context add NAME --sign-key FILE"});
  }
  KELPIE_TRY(wire::SigningKey key, load_key(path, [&]() -> Result<Passphrase> {
               if (in.has("passphrase-file")) return read_passphrase_file(in.value("passphrase-file"));
               return ask_passphrase(fmt::format("passphrase of {}", path));
             }));
  KELPIE_TRY(wire::Trust trust, known_trust(in));
  KELPIE_TRY(check_same_installation(in.session(), trust));
  return make_signer(std::move(key), std::move(trust));
}

Result<ProvedRelease> fetch_release(Session& session, const std::string& ref, const wire::Trust& trust) {
  api::v1::Named request;
  request.set_name(ref);
  Result<api::v1::Release> found = session.call<api::v1::Release>("GetRelease", request);
  if (!found) return fail(with_nearest(session, found.error(), "ListReleases", ref));
  Result<ProvedRelease> proved = prove_release(found->spec().frame(), trust);
  if (!proved) return fail(with_context(proved.error(), fmt::format("release {}", ref)));
  return proved;
}

}  // namespace kelpie::cli
