// kelpie export: what the hub has, as manifests that read back as the same.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/manifest/to_yaml.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/object.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

/// Manifests one after another, and the files their workloads name.
struct Exported {
  std::vector<std::string> documents;
  std::map<std::string, std::string> files;
};

Result<Exported> export_fleets(Invocation& in, const std::string& name) {
  Exported out;
  if (!name.empty()) {
    api::v1::Named request;
    request.set_name(name);
    const Result<api::v1::Fleet> fleet = in.session().call<api::v1::Fleet>("GetFleet", request);
    if (!fleet) return fail(with_nearest(in.session(), fleet.error(), "ListFleets", name));
    out.documents.push_back(fleet_yaml(*fleet));
    return out;
  }
  KELPIE_TRY(const api::v1::FleetList fleets,
             in.session().list<api::v1::FleetList>("ListFleets", api::v1::ListRequest()));
  for (const api::v1::Fleet& fleet : fleets.items()) out.documents.push_back(fleet_yaml(fleet));
  return out;
}

Result<Exported> export_release(Invocation& in, const std::string& name) {
  if (name.empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = "export release needs a name",
                 .reason = {},
                 .hint = "kelpie release list"});
  }
  KELPIE_TRY(const wire::Trust trust, known_trust(in));
  KELPIE_TRY(const ProvedRelease proved, fetch_release(in.session(), name, trust));
  ExportedRelease exported = release_yaml(proved.release);
  return Exported{.documents = {std::move(exported.yaml)}, .files = std::move(exported.files)};
}

Result<Exported> exported(Invocation& in) {
  const std::string noun = in.argument("NOUN");
  const std::string name = in.argument("NAME");
  if (noun == "fleet") return export_fleets(in, name);
  if (noun == "release") return export_release(in, name);
  return fail(Code::InvalidArgument,
              fmt::format("\"{}\" has no manifest{}", noun, did_you_mean(noun, {"fleet", "release"})));
}

Result<void> make_folder(const std::string& path) {
  if (mkdir(path.c_str(), S_IRWXU | S_IRWXG | S_IRWXO) == 0 || errno == EEXIST) return {};
  return fail(Code::Unavailable, fmt::format("cannot create folder \"{}\": {}", path, std::strerror(errno)));
}

Result<void> write_files(const std::string& folder, const std::string& text, const Exported& what,
                         std::string_view noun) {
  KELPIE_TRY(make_folder(folder));
  KELPIE_TRY(write_new_file(fmt::format("{}/{}.yaml", folder, noun), text));
  if (what.files.empty()) return {};
  KELPIE_TRY(make_folder(folder + "/k8s"));
  for (const auto& [name, objects] : what.files) {
    KELPIE_TRY(write_new_file(fmt::format("{}/{}", folder, name), objects));
  }
  return {};
}

Result<View> run_export(Invocation& in) {
  KELPIE_TRY(const Exported what, exported(in));
  std::string text;
  for (const std::string& document : what.documents) text.append(text.empty() ? "" : "---\n").append(document);
  if (in.has("dir")) {
    KELPIE_TRY(write_files(in.value("dir"), text, what, in.argument("NOUN")));
    View view = view_of(object_of("Export", {{"folder", in.value("dir")}}), {});
    view.notes.push_back(fmt::format("written to {}: kelpie diff -f {}", in.value("dir"), in.value("dir")));
    return view;
  }
  if (!what.files.empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} has workloads, which are files of their own", in.argument("NAME")),
                 .reason = {},
                 .hint = fmt::format("kelpie export release {} --dir DIR", in.argument("NAME"))});
  }
  std::vector<Block> blocks;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    blocks.emplace_back(Line{{std::string(rest.substr(0, end))}});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return view_of(object_of("Export", {{"manifest", text}}), std::move(blocks));
}

}  // namespace

std::vector<Command> export_commands() {
  return {{.path = "export",
           .summary = "Print manifests of what is at the hub, ready for apply",
           .arguments = {{.name = "NOUN", .what = "fleet or release"},
                         {.name = "NAME", .what = "which one; all fleets unless given", .count = Count::Optional}},
           .flags = {{.name = "dir",
                      .value = "DIR",
                      .what = "write files there; nothing is overwritten",
                      .completes = Completes::Files}},
           .examples = {"kelpie export fleet kiosk-eu", "kelpie export release kiosk@1.4.0 --dir kiosk"},
           .run = run_export}};
}

}  // namespace kelpie::cli
