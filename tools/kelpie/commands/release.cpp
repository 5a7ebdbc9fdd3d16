// kelpie release list and show. Releases are made by manifests: kelpie release create.
#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Release;
using api::v1::ReleaseList;

std::vector<Column> release_columns() {
  return {{.title = "NAME"},
          {.title = "VERSION"},
          {.title = "SIGNED-BY", .drop_order = 2},
          {.title = "DEVICES", .is_number = true},
          {.title = "CREATED", .drop_order = 1, .is_number = true},
          {.title = "SCOPE", .drop_order = 3, .is_wide = true},
          {.title = "DIGEST", .drop_order = 4, .is_wide = true}};
}

Result<View> run_list(Invocation& in) {
  KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
  KELPIE_TRY(ReleaseList releases, in.session().list<ReleaseList>("ListReleases", api::v1::ListRequest(), limit));
  Table table{.columns = release_columns(), .rows = {}, .empty = "no releases: kelpie release create -f release.yaml"};
  const WallTime now = to_wall(releases.as_of());
  for (const Release& release : releases.items()) {
    table.rows.push_back({{release.spec().name()},
                          {release.spec().version()},
                          {or_dash(release.status().signed_by())},
                          count_cell(release.status().devices()),
                          age_cell(release.metadata().created_at(), now),
                          {release.spec().scope()},
                          {release.metadata().id()}});
  }
  return view_of(std::move(releases), {std::move(table)});
}

Result<View> run_show(Invocation& in) {
  api::v1::Named request;
  request.set_name(in.argument("RELEASE"));
  Result<Release> found = in.session().call<Release>("GetRelease", request);
  if (!found) return fail(with_nearest(in.session(), found.error(), "ListReleases", request.name()));
  const Release& release = *found;
  std::vector<Block> blocks;
  blocks.emplace_back(Line{{release.metadata().name(), Tone::Strong},
                           {fmt::format("   signed by {}   on {}   created {}", or_dash(release.status().signed_by()),
                                        counted(release.status().devices(), "device"),
                                        ago(release.metadata().created_at(), SystemClock().wall()))}});
  blocks.emplace_back(Line{{fmt::format("  {:<8}{}", "digest", release.metadata().id())}});
  blocks.emplace_back(Line{{fmt::format("  {:<8}{}", "scope", release.spec().scope())}});
  for (const std::string& danger : release.spec().dangers()) {
    blocks.emplace_back(Line{{"  ! ", Tone::Warn}, {"dangerous: " + danger}});
  }
  int number = 0;
  for (const std::string& step : release.spec().steps()) {
    blocks.emplace_back(Line{{fmt::format("  {:<8}{}", ++number, step)}});
  }
  return view_of(std::move(*found), std::move(blocks));
}

}  // namespace

std::vector<Command> release_commands() {
  return {
      {.path = "release list",
       .summary = "List releases",
       .flags = {kLimitFlag},
       .examples = {"kelpie release list", "kelpie release list --sort-by CREATED"},
       .columns = release_columns(),
       .run = run_list},
      {.path = "release show",
       .summary = "Show one release: its steps and who signed it",
       .arguments = {{.name = "RELEASE", .what = "name@version", .completes = Completes::Releases}},
       .examples = {"kelpie release show kiosk@1.4.0"},
       .run = run_show},
  };
}

}  // namespace kelpie::cli
