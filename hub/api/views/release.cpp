#include <fmt/core.h>

#include "hub/api/views/views.h"

namespace kelpie::hub {
namespace {

std::uint32_t devices_with(const HubState& state, const Digest& digest) {
  const auto at = state.proved.find(digest);
  return at == state.proved.end() ? 0 : at->second;
}

}  // namespace

void show_release(const Release& release, api::v1::Release& out) {
  head(out, "Release");
  out.mutable_metadata()->set_name(fmt::format("{}@{}", release.name, release.version));
  out.mutable_metadata()->set_id(release.digest.hex());
  out.mutable_metadata()->set_revision(1);  // releases never change
  if (release.created_at != WallTime{}) set_time(*out.mutable_metadata()->mutable_created_at(), release.created_at);
  api::v1::ReleaseSpec& spec = *out.mutable_spec();
  spec.set_name(release.name);
  spec.set_version(release.version);
  spec.set_scope(release.scope);
  for (const std::string& step : release.steps) spec.add_steps(step);
  for (const std::string& danger : release.dangers) spec.add_dangers(danger);
  out.mutable_status()->set_signed_by(release.signed_by);
}

Answer answer_releases(const api::v1::ListRequest& in, const ApiView& view, WallTime now) {
  KELPIE_TRY(const std::size_t size, page_size(in.page_size()));
  KELPIE_TRY(check_no_filter(in, "releases"));
  auto out = std::make_shared<api::v1::ReleaseList>();
  head(*out, "ReleaseList");
  out->set_next_page_token(
      show_page(view.state.release_names, in.page_token(), size, *out, [&](const auto& row, api::v1::Release& item) {
        show_release(view.state.releases.at(row.second), item);
        item.mutable_status()->set_devices(devices_with(view.state, row.second));
      }));
  set_time(*out->mutable_as_of(), now);
  return out;
}

Answer answer_release(const std::string& name, const ApiView& view) {
  const auto at = view.state.release_names.find(name);
  if (at == view.state.release_names.end()) return fail(unknown("release", name));
  const Release& release = view.state.releases.at(at->second);
  auto out = std::make_shared<api::v1::Release>();
  show_release(release, *out);
  out->mutable_spec()->set_frame(release.frame);
  out->mutable_status()->set_devices(devices_with(view.state, release.digest));
  return out;
}

}  // namespace kelpie::hub
