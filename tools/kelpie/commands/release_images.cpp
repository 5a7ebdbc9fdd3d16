// kelpie release images: what a device asks registries for, and whether the release brings it.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/manifest/closure.h"
#include "tools/kelpie/manifest/load.h"
#include "tools/kelpie/object.h"

namespace kelpie::cli {
namespace {

using google::protobuf::Struct;

std::vector<Column> columns() {
  return {{.title = "IMAGE"}, {.title = "FOR"}, {.title = "COMES-FROM"}};
}

Result<View> run_images(Invocation& in) {
  const std::string path = in.argument("FILE");
  Problems problems;
  // A digest is what release create asks for: here names are enough.
  const Manifests manifests = load_manifests(
      {.paths = {path}, .resolve = [](const std::string&) { return "sha256:" + std::string(64, '0'); }}, problems);
  if (!problems.empty()) return fail(error_of(problems));
  if (manifests.releases.size() != 1) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} holds {} releases, expected one", path, manifests.releases.size()),
                 .reason = {},
                 .hint = "kelpie release images release.yaml"});
  }
  const Closure closure = closure_of(manifests.releases.front().release);
  Table table{.columns = columns(), .rows = {}, .empty = "it needs no image that this kelpie knows of"};
  std::vector<Struct> items;
  std::size_t missing = 0;
  for (const NeededImage& image : closure.images) {
    missing += image.comes_from.empty() ? 1 : 0;
    table.rows.push_back(
        {{image.ref}, {image.by}, {image.comes_from.empty() ? "a registry, by kubelet" : image.comes_from}});
    items.push_back(object_of("NeededImage", {{"ref", image.ref}, {"for", image.by}, {"comesFrom", image.comes_from}}));
  }
  View view = view_of(list_of("NeededImageList", items), {std::move(table)});
  view.notes = closure.unknown;
  if (missing > 0) {
    view.notes.push_back(
        fmt::format("{} of them this release does not bring: where no registry answers, add them to its "
                    "images, or their registry to its mirrors",
                    missing));
  }
  return view;
}

}  // namespace

std::vector<Command> release_images_commands() {
  return {{.path = "release images",
           .summary = "List the images a device needs for a release, MicroK8s' own among them",
           .arguments = {{.name = "FILE", .what = "a manifest with one Release", .completes = Completes::Files}},
           .examples = {"kelpie release images release.yaml"},
           .columns = columns(),
           .run = run_images}};
}

}  // namespace kelpie::cli
