// `microk8s ctr image …` in its three dialects, and `microk8s images`. Source: facts, microk8s 6.1, 6.2.
#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/shell.h"

namespace kelpie::sim {
namespace {

constexpr std::string_view kManifestType = "application/vnd.oci.image.index.v1+json";
constexpr Duration kQuick{400};                              // chosen: snap run, sudo, ctr on a Pi
constexpr Duration kDialTimeout = std::chrono::seconds(10);  // facts, microk8s 6.1

enum class Dialect { V16, V17, V2 };

Dialect dialect_of(const DeviceState& state) {
  constexpr int kV17Since = 30;
  constexpr int kV2Since = 35;
  const int minor = minor_of(state);
  if (minor >= kV2Since) return Dialect::V2;
  return minor >= kV17Since ? Dialect::V17 : Dialect::V16;
}

struct CtrWords {
  std::vector<std::string> names;  // what is no flag
  std::string platform;
  std::string hosts_folder;
  std::string user;
  std::string name_for_all;  // --base-name
  bool is_help = false;
  bool is_local = false;
  bool is_forced = false;
  bool is_quiet = false;
};

CtrWords parse_flags(Words words) {
  CtrWords asked;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto take = [&] { return i + 1 < words.size() ? words[++i] : std::string(); };
    if (word == "--platform") {
      asked.platform = take();
    } else if (word == "--hosts-dir") {
      asked.hosts_folder = take();
    } else if (word == "--user" || word == "-u") {
      asked.user = take();
    } else if (word == "--base-name") {
      asked.name_for_all = take();
    } else if (word == "--help") {
      asked.is_help = true;
    } else if (word == "--snapshotter") {
      take();
    } else if (word == "--local") {
      asked.is_local = true;
    } else if (word == "--force") {
      asked.is_forced = true;
    } else if (word == "-q" || word == "--quiet") {
      asked.is_quiet = true;
    } else if (!word.starts_with('-') || word == "-") {
      asked.names.push_back(word);
    }
  }
  return asked;
}

int fail_with(Shell& shell, std::string_view text) {
  shell.err(fmt::format("ctr: {}\n", text));
  return 1;
}

std::string labels_text(const Image& image) {
  std::string text;
  for (const auto& [key, value] : image.labels) text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, value);
  return text.empty() ? "-" : text;
}

std::string size_text(std::uint64_t bytes) {
  constexpr double kMi = 1024.0 * 1024.0;
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / kMi);
}

using Row = std::vector<std::string>;

/// Columns padded with blanks, one between them.
void print_table(Shell& shell, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}} ", row[i], widths[i]);
    shell.out(line + "\n");
  }
}

/// name==REF, or everything.
bool is_wanted(const CtrWords& asked, const std::string& ref) {
  return asked.names.empty() || std::any_of(asked.names.begin(), asked.names.end(), [&](const std::string& filter) {
           return filter == fmt::format("name=={}", ref) || filter == ref;
         });
}

int list_images(Shell& shell, const CtrWords& asked) {
  std::vector<Row> rows{{"REF", "TYPE", "DIGEST", "SIZE", "PLATFORMS", "LABELS"}};
  const std::map<std::string, Image> images = shell.with([](DeviceState& state) { return state.images; });
  for (const auto& [ref, image] : images) {
    if (!is_wanted(asked, ref)) continue;
    if (asked.is_quiet) {
      shell.out(ref + "\n");
    } else {
      rows.push_back(
          {ref, std::string(kManifestType), image.digest, size_text(image.bytes), image.platform, labels_text(image)});
    }
  }
  if (!asked.is_quiet) print_table(shell, rows);
  return 0;
}

int check_images(Shell& shell, const CtrWords& asked) {
  std::vector<Row> rows{{"REF", "TYPE", "DIGEST", "STATUS", "SIZE", "UNPACKED"}};
  const std::map<std::string, Image> images = shell.with([](DeviceState& state) { return state.images; });
  for (const auto& [ref, image] : images) {
    if (!is_wanted(asked, ref)) continue;
    if (asked.is_quiet) {
      if (image.is_complete) shell.out(ref + "\n");
      continue;
    }
    const std::string size = size_text(image.bytes);
    rows.push_back({ref, std::string(kManifestType), image.digest,
                    image.is_complete ? "complete (2/2)" : "incomplete (1/2)", fmt::format("{}/{}", size, size),
                    image.is_complete ? "true" : "false"});
  }
  if (!asked.is_quiet) print_table(shell, rows);
  return 0;
}

std::string not_resolved(Dialect dialect, const std::string& ref, const std::string& why) {
  if (dialect == Dialect::V2) return fmt::format("failed to resolve image: {}", why);
  return fmt::format("failed to resolve reference \"{}\": {}", ref, why);
}

constexpr std::string_view kBar = "++++++++++++++++++++++++++++++++++++++";

/// The block that is drawn anew again and again, terminal or not.
void draw_progress(Shell& shell, const std::string& ref, const RegistryImage& image, std::uint64_t percent) {
  const bool is_done = percent >= 100;
  const std::string_view bar = kBar.substr(0, kBar.size() * percent / 100);
  shell.out(fmt::format("{}: resolved       |\033[32m{}\033[0m| \n", ref, kBar));
  shell.out(fmt::format("manifest-{}: done           |\033[32m{}\033[0m| \n", image.digest, kBar));
  shell.out(fmt::format("layer-{}:    {} |\033[32m{:-<{}}\033[0m| {}/{} \n", image.digest,
                        is_done ? "done          " : "downloading   ", bar, kBar.size(),
                        size_text(image.bytes * percent / 100), size_text(image.bytes)));
  shell.out(fmt::format("elapsed: 0.2 s total:  {} ({}/s)\n", size_text(image.bytes * percent / 100),
                        size_text(image.bytes)));
}

void draw_server_side(Shell& shell, const std::string& ref, const RegistryImage& image) {
  shell.out(fmt::format("{}\t\tsaved\t\n└──manifest ({})\talready exists\n", ref, image.digest.substr(7, 12)));
  shell.out(fmt::format("Pulling from OCI Registry ({})\telapsed: 0.0 s\ttotal:  0.0 B\t(0.0 B/s)\n", ref));
}

/// False: killed.
bool spend_pulling(Shell& shell, const std::string& ref, const Pull& pull, bool is_drawn) {
  constexpr int kBlocks = 5;  // of the hundreds that it draws
  for (int i = 1; i <= kBlocks; ++i) {
    if (!shell.spend(pull.takes / kBlocks)) return false;
    if (is_drawn && pull.end == PullEnd::Done)
      draw_progress(shell, ref, pull.image, static_cast<std::uint64_t>(100 * i / kBlocks));
  }
  return true;
}

int pull_image(Shell& shell, const CtrWords& asked) {
  if (asked.names.empty()) return fail_with(shell, "please provide an image reference to pull");
  const std::string ref = asked.names.front();
  const Dialect dialect = shell.with([](DeviceState& state) { return dialect_of(state); });
  if (dialect == Dialect::V16 && asked.is_local) return fail_with(shell, "flag provided but not defined: -local");
  if (repository_of(ref) == ref || ref.find('/') == std::string::npos) {
    return fail_with(shell,
                     not_resolved(dialect, ref, fmt::format("parse \"dummy://{}\": invalid reference format", ref)));
  }
  // A double's own folder is the root of what it names.
  std::string_view hosts_folder = asked.hosts_folder;
  if (hosts_folder.starts_with(shell.world().root)) hosts_folder.remove_prefix(shell.world().root.size());
  const Pull pull = shell.with([&](DeviceState& state) { return try_pull(state, shell.world(), ref, hosts_folder); });
  const bool has_it = shell.with([&](DeviceState& state) {
    const auto found = state.images.find(ref);
    return found != state.images.end() && found->second.digest == pull.image.digest && found->second.is_complete;
  });
  constexpr Duration kAgain{1'500};  // resolves again, quick
  const bool is_server_side = dialect == Dialect::V2 && !asked.is_local;
  const bool goes_on = has_it ? shell.spend(kAgain) : spend_pulling(shell, ref, pull, !is_server_side);
  if (!goes_on) return kKilled;
  if (pull.end == PullEnd::DiskFull) return fail_with(shell, pull_error(pull, ref));
  if (pull.end != PullEnd::Done) return fail_with(shell, not_resolved(dialect, ref, pull_error(pull, ref)));
  shell.with([&](DeviceState& state) {
    // The pin label is lost: pull writes the image anew, in all dialects.
    Image& image = state.images[ref];
    if (image.digest != pull.image.digest) state.disk.free_bytes -= std::min(state.disk.free_bytes, pull.image.bytes);
    image = {.digest = pull.image.digest,
             .bytes = pull.image.bytes,
             .platform = asked.platform.empty() ? platform_of(state) : asked.platform};
    add_effect(state, fmt::format("pulled image {}", ref));
  });
  if (is_server_side) {
    draw_server_side(shell, ref, pull.image);
    return 0;
  }
  if (has_it) draw_progress(shell, ref, pull.image, 100);
  const std::string platform = shell.with([](DeviceState& state) { return platform_of(state); });
  shell.out(fmt::format("unpacking {} {}...\ndone: 5.05ms\t\n", platform, pull.image.digest));
  return 0;
}

int tag_image(Shell& shell, const CtrWords& asked) {
  if (asked.names.size() < 2) return fail_with(shell, "please provide an image name to tag");
  enum class End { Done, NoSource, Exists };
  const std::string& from = asked.names[0];
  for (std::size_t i = 1; i < asked.names.size(); ++i) {
    const std::string& to = asked.names[i];
    const End end = shell.with([&](DeviceState& state) {
      const auto source = state.images.find(from);
      if (source == state.images.end()) return End::NoSource;
      const bool is_v2 = dialect_of(state) == Dialect::V2;
      if (state.images.contains(to) && !asked.is_forced && !is_v2) return End::Exists;
      Image copy = source->second;
      if (is_v2) copy.labels.clear();
      state.images[to] = copy;
      add_effect(state, fmt::format("tagged image {} as {}", from, to));
      return End::Done;
    });
    if (end == End::NoSource) return fail_with(shell, fmt::format("image \"{}\": not found", from));
    if (end == End::Exists) return fail_with(shell, fmt::format("image \"{}\": already exists", to));
    shell.out(to + "\n");
  }
  return 0;
}

int label_image(Shell& shell, const CtrWords& asked) {
  if (asked.names.empty()) return fail_with(shell, "please provide an image name to label");
  const std::string& ref = asked.names.front();
  const std::optional<std::string> labels = shell.with([&](DeviceState& state) -> std::optional<std::string> {
    const auto found = state.images.find(ref);
    if (found == state.images.end()) return std::nullopt;
    for (std::size_t i = 1; i < asked.names.size(); ++i) {
      const std::string& word = asked.names[i];
      const auto equals = word.find('=');
      const std::string key = word.substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
      if (value.empty()) {
        found->second.labels.erase(key);
      } else {
        found->second.labels[key] = value;
      }
    }
    add_effect(state, fmt::format("labelled image {}", ref));
    return labels_text(found->second);
  });
  if (!labels) return fail_with(shell, fmt::format("image \"{}\": not found", ref));
  shell.out(*labels + "\n");
  return 0;
}

int remove_images(Shell& shell, const CtrWords& asked) {
  for (const std::string& ref : asked.names) {
    const bool was_there = shell.with([&](DeviceState& state) {
      const auto found = state.images.find(ref);
      if (found == state.images.end()) return false;
      const std::string digest = found->second.digest;
      const std::uint64_t bytes = found->second.bytes;
      state.images.erase(found);
      const bool is_last = std::none_of(state.images.begin(), state.images.end(),
                                        [&](const auto& entry) { return entry.second.digest == digest; });
      if (is_last) state.disk.free_bytes = std::min(state.disk.total_bytes, state.disk.free_bytes + bytes);
      add_effect(state, fmt::format("removed image {}", ref));
      return true;
    });
    if (was_there) {
      shell.out(ref + "\n");
    } else {
      shell.err(fmt::format("time=\"2025-11-25T00:42:00Z\" level=warning msg=\"image not found\" image=\"{}\"\n", ref));
    }
  }
  return 0;
}

/// What its help says of flags that not every version has.
int print_help(Shell& shell) {
  const Dialect dialect = shell.with([](DeviceState& state) { return dialect_of(state); });
  shell.out("OPTIONS:\n   --platform value  \n");
  if (dialect != Dialect::V16) shell.out("   --local           \n");
  return 0;
}

/// The references in an archive: of a file that is known here by its path, or of one whose lines they are.
std::optional<std::vector<std::string>> references_in(const Shell& shell, const std::string& path) {
  const std::string known = path == "-" ? shell.input_path() : path;
  const auto archive = shell.world().archives.find(known);
  if (archive != shell.world().archives.end()) return archive->second;
  if (path != "-" || shell.input().empty()) return std::nullopt;
  std::vector<std::string> references;
  for (std::size_t from = 0; from < shell.input().size();) {
    const std::size_t end = std::min(shell.input().find('\n', from), shell.input().size());
    references.push_back(shell.input().substr(from, end - from));
    from = end + 1;
  }
  return references;
}

int import_archive(Shell& shell, const CtrWords& asked) {
  const std::string path = asked.names.empty() ? "" : asked.names.front();
  const std::optional<std::vector<std::string>> archive = references_in(shell, path);
  if (!archive && path == "-") return fail_with(shell, "unrecognized image format");
  if (!archive) return fail_with(shell, fmt::format("open {}: no such file or directory", path));
  const bool is_full = shell.with([](DeviceState& state) { return strikes(state, FaultKind::DiskFull, "import"); });
  if (!shell.spend(std::chrono::seconds(5))) return kKilled;
  if (is_full) return fail_with(shell, pull_error({.end = PullEnd::DiskFull, .image = {}, .takes = {}}, ""));
  const Dialect dialect = shell.with([](DeviceState& state) { return dialect_of(state); });
  const bool is_server_side = dialect == Dialect::V2 && !asked.is_local;
  for (const std::string& inside : *archive) {
    const RegistryImage found = find_in_registry(shell.world(), inside).value_or(RegistryImage{});
    // With --base-name and --digests it gets that name, and none of its own that does not begin so.
    const std::string ref =
        asked.name_for_all.empty() ? inside : fmt::format("{}@{}", asked.name_for_all, found.digest);
    shell.with([&](DeviceState& state) {
      Image& image = state.images[ref];
      const std::map<std::string, std::string> labels =
          dialect == Dialect::V2 ? std::map<std::string, std::string>{} : image.labels;
      image = {.digest = found.digest, .bytes = found.bytes, .platform = platform_of(state), .labels = labels};
      add_effect(state, fmt::format("imported image {}", ref));
    });
    shell.out(is_server_side ? fmt::format("{}\tsaved\n{} {}\n", ref, kManifestType, found.digest)
                             : fmt::format("unpacking {} ({})...done\n", ref, found.digest));
  }
  if (is_server_side) shell.out("Importing\telapsed: 0.1 s\ttotal:   0.0 B\t(0.0 B/s)\n");
  return 0;
}

}  // namespace

int run_ctr(Shell& shell, Words words) {
  const bool is_up = shell.with([](DeviceState& state) { return state.kubernetes.are_services_active; });
  if (!shell.spend(is_up ? kQuick : kDialTimeout)) return kKilled;
  if (!is_up) {
    return fail_with(shell,
                     "failed to dial \"/var/snap/microk8s/common/run/containerd.sock\": context deadline exceeded: "
                     "connection error: desc = \"transport: error while dialing: dial unix:///var/snap/microk8s/common/"
                     "run/containerd.sock: timeout\"");
  }
  const bool is_image = words.size() >= 2 && (words[0] == "image" || words[0] == "images" || words[0] == "i");
  if (!is_image) return fail_with(shell, "this model of a device knows only image commands");
  const CtrWords asked = parse_flags(words.subspan(2));
  const std::string& verb = words[1];
  if (asked.is_help) return print_help(shell);
  if (verb == "ls" || verb == "list") return list_images(shell, asked);
  if (verb == "check") return check_images(shell, asked);
  if (verb == "pull") return pull_image(shell, asked);
  if (verb == "tag") return tag_image(shell, asked);
  if (verb == "label") return label_image(shell, asked);
  if (verb == "rm" || verb == "remove" || verb == "delete" || verb == "del") return remove_images(shell, asked);
  if (verb == "import") return import_archive(shell, asked);
  return fail_with(shell, fmt::format("this model of a device does not have image {}", verb));
}

int run_images(Shell& shell, Words words) {
  if (words.size() < 2 || words[0] != "import") {
    shell.err("Usage: microk8s images import [OPTIONS] IMAGE\n");
    return 2;
  }
  const bool is_up = shell.with([&](DeviceState& state) { return is_api_up(state, shell.now()); });
  if (!is_up) {
    shell.err("Could not query for nodes\n");
    return 1;
  }
  const auto archive = shell.world().archives.find(words[1]);
  if (archive == shell.world().archives.end()) {
    shell.err(fmt::format("Error: Invalid value for 'IMAGE': '{}': No such file or directory\n", words[1]));
    return 1;
  }
  if (!shell.spend(std::chrono::seconds(6))) return kKilled;
  const std::string address = shell.with([](DeviceState& state) { return state.kubernetes.address; });
  shell.out(fmt::format("Pushing OCI images to {}:25000\n", address));
  if (shell.with([](DeviceState& state) { return strikes(state, FaultKind::ImportRefused); })) {
    shell.out(fmt::format("Failed to import images on {}:25000: failed to run ctr: exit status 1\n", address));
    return 0;
  }
  for (const std::string& ref : archive->second) {
    const RegistryImage found = find_in_registry(shell.world(), ref).value_or(RegistryImage{});
    shell.with([&](DeviceState& state) {
      state.images[ref] = {.digest = found.digest, .bytes = found.bytes, .platform = platform_of(state)};
      add_effect(state, fmt::format("imported image {}", ref));
    });
  }
  return 0;
}

}  // namespace kelpie::sim
