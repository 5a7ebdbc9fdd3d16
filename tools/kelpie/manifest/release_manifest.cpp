#include "tools/kelpie/manifest/release_manifest.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "proto/wire/snap_rules.h"
#include "proto/wire/tracks.h"
#include "tools/kelpie/manifest/addons.h"
#include "tools/kelpie/manifest/kubernetes.h"
#include "tools/kelpie/manifest/mirrors.h"
#include "tools/kelpie/manifest/scalars.h"
#include "tools/kelpie/manifest/shape.h"
#include "tools/kelpie/manifest/tables.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

constexpr std::uint32_t kPortMax = 65'535;
// release.proto's max_items; a longer list would be refused by every reader's walker.
constexpr std::size_t kAddonsMax = 32;
constexpr std::size_t kAddonArgumentsMax = 16;
constexpr std::size_t kImagesMax = 64;
constexpr std::size_t kMirrorsMax = 16;
constexpr std::size_t kWorkloadsMax = 32;
constexpr std::size_t kChecksMax = 16;
constexpr std::size_t kManifestBytesMax = 65'536;
constexpr std::uint32_t kRenewBeforeUsual = 30 * 86'400;
// The hub's.
constexpr std::int64_t kRenewBeforeMin = 86'400;
constexpr std::int64_t kRenewBeforeMax = 180 * 86'400;

const YamlNode* text_at(const YamlNode& map, std::string_view key) {
  const YamlNode* value = map.find(key);
  return value == nullptr || value->kind != YamlNode::Kind::Text ? nullptr : value;
}

std::string text_or(const YamlNode& map, std::string_view key, std::string_view otherwise) {
  const YamlNode* value = text_at(map, key);
  return value == nullptr ? std::string(otherwise) : value->text;
}

/// One release on its way. What has no right shape was reported by the table and is passed over here.
class ReleaseReader {
 public:
  ReleaseReader(const YamlNode& document, const Sources& sources, Report& report)
      : document_(document), sources_(sources), report_(report) {}

  v1::Release read() {
    out_.set_schema(1);
    out_.set_name(text_or(document_, "name", ""));
    out_.set_version(text_or(document_, "version", ""));
    out_.set_scope("device");
    read_microk8s();
    mirrors_ = read_mirrors(list_of("mirrors", kMirrorsMax), sources_.read, report_);
    read_addons();
    for (const YamlNode& item : list_of("images", kImagesMax)) read_image(item);
    for (const YamlNode& item : list_of("workloads", kWorkloadsMax)) read_workload(item);
    check_used_images();
    add_steps();
    read_checks();
    if (const YamlNode* preflight = document_.find("preflight"); preflight != nullptr) {
      const YamlNode* disk = text_at(*preflight, "disk");
      const Result<std::uint64_t> bytes = parse_size(disk == nullptr ? "" : disk->text);
      if (bytes) out_.mutable_preflight()->set_disk_free_bytes(*bytes);
    }
    return std::move(out_);
  }

 private:
  const std::vector<YamlNode>& list_of(std::string_view key, std::size_t items_max) {
    static const std::vector<YamlNode> none;
    const YamlNode* list = document_.find(key);
    if (list == nullptr || list->kind != YamlNode::Kind::List) return none;
    if (list->items.size() > items_max) {
      report_.add(list->at, fmt::format("{}: {} are too many: at most {}", key, list->items.size(), items_max));
      return none;
    }
    return list->items;
  }

  void read_microk8s() {
    const YamlNode* microk8s = document_.find("microk8s");
    const YamlNode* channel = microk8s == nullptr ? nullptr : text_at(*microk8s, "channel");
    if (channel == nullptr) return;
    const Result<Channel> parsed = parse_channel(channel->text);
    if (!parsed) {
      report_.add(channel->at, "microk8s.channel " + parsed.error().message);
      return;
    }
    if (!is_known_track(*parsed)) {
      report_.warn(channel->at, fmt::format("track {} is not known to this kelpie", track_of(*parsed)));
    }
    channel_ = *parsed;
    is_held_ = text_or(*microk8s, "hold", "true") == "true";
    install_.set_channel(to_string(*channel_));
    if (const YamlNode* files = microk8s->find("files"); files != nullptr) read_files(*files);
  }

  void read_files(const YamlNode& files) {
    for (const YamlNode& item : files.items) {
      v1::SnapFile& file = *install_.add_files();
      file.set_name(text_or(item, "name", ""));
      file.set_snap(text_or(item, "snap", ""));
      file.set_assertions(text_or(item, "assertions", ""));
    }
    if (install_.files().empty()) return;
    wire::sort_files(install_);
    if (std::string trouble = wire::files_trouble_of(install_); !trouble.empty()) {
      return report_.add(files.at, "microk8s." + trouble);
    }
    const std::string base(wire::base_of_track(channel_->minor));
    const bool has_base = std::any_of(install_.files().begin(), install_.files().end(),
                                      [&](const v1::SnapFile& file) { return file.name() == base; });
    if (base.empty() || has_base) return;
    report_.warn(files.at,
                 fmt::format("{} is built on {}: a device without it refuses to prepare", to_string(*channel_), base));
  }

  void read_addons() {
    std::set<std::string> seen;
    for (const YamlNode& item : list_of("addons", kAddonsMax)) {
      AddonWish wish{.name = item.kind == YamlNode::Kind::Map ? text_or(item, "name", "") : item.text, .args = {}};
      wish.is_absent = text_or(item, "state", "present") == "absent";
      if (const YamlNode* args = item.find("args"); args != nullptr) {
        for (const YamlNode& arg : args->items) wish.args.push_back(arg.text);
      }
      if (wish.name.empty()) continue;
      AddonVerdict verdict = judge_addon(std::move(wish), channel_);
      for (std::string& warning : verdict.warnings) report_.warn(item.at, std::move(warning));
      if (verdict.trouble.empty() && verdict.addon.args.size() > kAddonArgumentsMax) {
        verdict.trouble = fmt::format("more than {} arguments", kAddonArgumentsMax);
      }
      if (!verdict.trouble.empty()) {
        report_.add(item.at, std::move(verdict.trouble));
      } else if (!seen.insert(verdict.addon.name).second) {
        report_.add(item.at, fmt::format("add-on {} is listed twice", verdict.addon.name));
      } else {
        v1::Addon& addon = *addons_.add_addons();
        addon.set_name(verdict.addon.name);
        for (const std::string& arg : verdict.addon.args) addon.add_args(arg);
        addon.set_absent(verdict.addon.is_absent);
      }
    }
  }

  [[nodiscard]] bool enables(std::string_view addon) const {
    return std::any_of(addons_.addons().begin(), addons_.addons().end(),
                       [&](const v1::Addon& one) { return one.name() == addon && !one.absent(); });
  }

  std::optional<ImageName> parsed_image(const YamlNode& node) {
    Result<ImageName> name = parse_image(node.text);
    if (name) return std::move(*name);
    report_.add(node.at, name.error().message);
    return std::nullopt;
  }

  void read_image(const YamlNode& item) {
    const YamlNode* ref = item.kind == YamlNode::Kind::Map ? text_at(item, "ref") : &item;
    if (ref == nullptr || ref->kind != YamlNode::Kind::Text) return;
    const std::optional<ImageName> name = parsed_image(*ref);
    const YamlNode* from = text_at(item, "from");
    const std::optional<ImageName> source = from == nullptr ? std::nullopt : parsed_image(*from);
    if (!name || (from != nullptr && !source)) return;
    std::string digest = name->digest;
    if (source && !agree(digest, source->digest, from->at)) return;
    if (const YamlNode* given = text_at(item, "digest"); given != nullptr) {
      const Result<std::string> parsed = parse_image_digest(given->text);
      if (!parsed) report_.add(given->at, parsed.error().message);
      if (!parsed || !agree(digest, *parsed, given->at)) return;
    }
    v1::Image* image = add_image({.ref = name->ref, .digest = digest}, source ? source->ref : "", ref->at);
    if (image != nullptr) read_origin(item, *image);
  }

  /// Where it comes from if not from a registry, and how large it is.
  void read_origin(const YamlNode& item, v1::Image& image) {
    const YamlNode* size = text_at(item, "size");
    const Result<std::uint64_t> bytes = parse_size(size == nullptr ? "" : size->text);
    if (bytes) image.set_bytes(*bytes);
    const YamlNode* archive = text_at(item, "archive");
    if (archive == nullptr) return;
    const Result<std::string> digest = parse_image_digest(archive->text);
    if (!digest) {
      report_.add(archive->at, digest.error().message);
    } else if (!image.from().empty()) {
      report_.add(archive->at, "archive does not go with from: an image comes from one place");
    } else if (image.set_archive(*digest); archives_.insert(*digest).second) {
      report_.warn(archive->at, fmt::format("this file must lie on every device before the rollout, as "
                                            "/var/lib/kelpie-agent/artifacts/{}",
                                            digest->substr(digest->find(':') + 1)));
    }
  }

  /// Takes over a second digest; false when there was another one before.
  bool agree(std::string& digest, const std::string& other, Place at) {
    if (digest.empty()) digest = other;
    if (other.empty() || digest == other) return true;
    report_.add(at, "another digest than the one before: one image has one digest");
    return false;
  }

  v1::Image* add_image(ImageName name, const std::string& from, Place at) {
    if (name.digest.empty() && !resolve(name, from, at)) return nullptr;
    if (std::string misfit = channel_ ? misfit_of(name.ref, *channel_) : ""; !misfit.empty()) {
      report_.warn(at, std::move(misfit));
    }
    if (!listed_.insert(name.ref).second) {
      report_.add(at, fmt::format("image {} is listed twice", name.ref));
      return nullptr;
    }
    v1::Image& image = *images_.add_images();
    image.set_ref(name.ref);
    image.set_digest(name.digest);
    if (from != name.ref) image.set_from(from);
    return &image;
  }

  bool resolve(ImageName& name, const std::string& from, Place at) {
    const std::string& asked = from.empty() ? name.ref : from;
    if (!sources_.resolve) {
      report_.add(at, fmt::format("{} has no digest and could change after it was signed. Write {}@sha256:…, or let "
                                  "the registry say it: kelpie release create --resolve",
                                  asked, asked));
      listed_.insert(name.ref);  // one problem is enough for what uses it
      return false;
    }
    Result<std::string> digest = sources_.resolve(asked);
    if (!digest) {
      report_.add(at, digest.error().message);
      return false;
    }
    name.digest = std::move(*digest);
    return true;
  }

  void read_workload(const YamlNode& item) {
    const std::string name = text_or(item, "name", "");
    if (name.empty()) return;
    if (!workloads_.insert(name).second) {
      report_.add(item.at, fmt::format("workload {} is listed twice", name));
      return;
    }
    const std::string name_space = text_or(item, "namespace", "default");
    const YamlNode* manifest = item.find("manifest");
    const YamlNode* image = text_at(item, "image");
    if ((manifest == nullptr) == (image == nullptr)) {
      report_.add(item.at, fmt::format("workload {} needs either manifest or image", name));
      return;
    }
    std::string text = manifest != nullptr ? rendered_files(*manifest, item, name_space)
                                           : rendered_container(name, name_space, *image, item);
    if (text.size() > kManifestBytesMax) {
      report_.add(item.at, fmt::format("workload {} takes {} bytes: at most {}", name, text.size(), kManifestBytesMax));
    }
    v1::Workload& workload = *deploy_.add_workloads();
    workload.set_name(name);
    workload.set_namespace_(name_space);
    workload.set_manifest(std::move(text));
  }

  std::string rendered_files(const YamlNode& manifest, const YamlNode& item, const std::string& name_space) {
    for (const std::string_view key : {"port", "expose"}) {
      const YamlNode* given = item.find(key);
      if (given != nullptr) report_.add(given->at, fmt::format("{} goes with image, not with manifest", key));
    }
    std::vector<KubernetesFile> files;
    const std::vector<YamlNode> alone = {manifest};
    for (const YamlNode& path : manifest.kind == YamlNode::Kind::List ? manifest.items : alone) {
      if (path.kind != YamlNode::Kind::Text) continue;
      const Result<std::string> text = sources_.read(path.text);
      if (!text) {
        report_.add(path.at, text.error().message);
        continue;
      }
      Report report(path_beside(report_.file(), path.text), report_.all());
      std::vector<YamlNode> documents = parse_yaml(*text, report);
      files.push_back({.documents = std::move(documents), .report = std::move(report)});
    }
    RenderedWorkload rendered = render_objects(files, name_space);
    used_.insert(used_.end(), rendered.images.begin(), rendered.images.end());
    return std::move(rendered.manifest);
  }

  std::string rendered_container(const std::string& name, const std::string& name_space, const YamlNode& image,
                                 const YamlNode& item) {
    const std::optional<ImageName> parsed = parsed_image(image);
    if (!parsed) return {};
    if (tag_of(parsed->ref) == "latest") {
      report_.add(image.at, "the tag \"latest\" moves by itself: name a version");
    }
    OneContainer container{.name = name, .name_space = name_space, .image = parsed->ref, .port = 0, .expose = {}};
    if (const YamlNode* port = text_at(item, "port"); port != nullptr) {
      const Result<std::uint32_t> number = parse_count(port->text);
      if (number && (*number == 0 || *number > kPortMax)) report_.add(port->at, "port is not in 1..65535");
      if (number) container.port = *number;
      container.expose = text_or(item, "expose", "ClusterIP");
      if (container.expose == "LoadBalancer" && !enables("metallb")) {
        report_.warn(port->at, fmt::format("workload {}: a LoadBalancer waits for an address that add-on metallb gives "
                                           "out; this release does not enable it",
                                           name));
      }
      if (name.front() >= '0' && name.front() <= '9') {
        report_.add(item.at, fmt::format("workload {}: a Service's name begins with a letter", name));
      }
    } else if (const YamlNode* expose = item.find("expose"); expose != nullptr) {
      report_.add(expose->at, "expose needs port");
    }
    // A digest here means: preload it too. The pod asks for the name, which the images step ties to the digest.
    if (!parsed->digest.empty() && !listed_.contains(parsed->ref)) add_image(*parsed, "", image.at);
    used_.push_back({parsed->ref, report_.file(), image.at});
    return render_container(container);
  }

  void check_used_images() {
    for (const UsedImage& used : used_) {
      const std::string name = completed_image(used.ref);
      if (listed_.contains(name) || listed_.contains(used.ref)) continue;
      report_.all().warn(used.file, used.at,
                         fmt::format("{} is not among images: it is pulled when its pod starts, and nothing proves "
                                     "that it is what you signed",
                                     used.ref));
    }
  }

  /// Renewed before anything that would fail without; a release that installs or refreshes always has it.
  void add_certs() {
    const YamlNode* certs = document_.find("certs");
    if (certs == nullptr && !channel_) return;
    v1::CertsStep& step = *out_.add_steps()->mutable_certs();
    step.set_renew_before_s(kRenewBeforeUsual);
    const YamlNode* before = certs == nullptr ? nullptr : text_at(*certs, "renewBefore");
    const Result<Duration> given = parse_seconds(before == nullptr ? "" : before->text);
    if (!given) return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*given).count();
    if (seconds < kRenewBeforeMin || seconds > kRenewBeforeMax) {
      report_.add(before->at, "renewBefore is not in 1d..180d: new certificates live 365 days");
    } else {
      step.set_renew_before_s(static_cast<std::uint32_t>(seconds));
    }
  }

  void add_snapshot() {
    const YamlNode* snapshot = text_at(document_, "snapshot");
    if (snapshot != nullptr && !channel_) {
      report_.add(snapshot->at,
                  "snapshot goes with microk8s: it is taken before a refresh. "
                  "Now and alone: kelpie command send snapshot DEVICE");
    }
    if (channel_ && (snapshot == nullptr || snapshot->text != "false")) out_.add_steps()->mutable_snapshot();
  }

  void add_steps() {
    add_certs();
    add_snapshot();
    if (channel_) {
      install_.set_hold(is_held_);
      *out_.add_steps()->mutable_install() = install_;
    }
    // After the install, which makes the place for them; before the start, so that no pull waits for the origin.
    if (mirrors_.mirrors_size() > 0) *out_.add_steps()->mutable_mirrors() = mirrors_;
    if (channel_) out_.add_steps()->mutable_start();
    if (images_.images_size() > 0) *out_.add_steps()->mutable_images() = images_;
    if (addons_.addons_size() > 0) *out_.add_steps()->mutable_addons() = addons_;
    deploy_.set_prune(true);  // R26: own workloads of the previous release that are not in this one are removed
    if (document_.find("workloads") == nullptr) {
      report_.warn(document_.at, "no workloads: those that an earlier release deployed are removed");
    }
    *out_.add_steps()->mutable_deploy() = deploy_;
  }

  void read_checks() {
    if (document_.find("checks") == nullptr) {
      out_.add_checks()->mutable_node_ready();
      for (const v1::Workload& workload : deploy_.workloads()) {
        if (out_.checks_size() == static_cast<int>(kChecksMax)) break;
        out_.add_checks()->mutable_workload_ready()->set_workload(workload.name());
      }
      return;
    }
    for (const YamlNode& item : list_of("checks", kChecksMax)) {
      if (item.kind == YamlNode::Kind::Text) {
        out_.add_checks()->mutable_node_ready();
        continue;
      }
      if (item.kind == YamlNode::Kind::Map) read_workload_check(item);
    }
  }

  void read_workload_check(const YamlNode& item) {
    const YamlNode* workload = text_at(item, "workload-ready");
    if (workload == nullptr) {
      if (item.keys.size() == 1 && item.find("within") != nullptr) {
        report_.add(item.at, "within needs workload-ready");
      }
      return;
    }
    if (!workloads_.contains(workload->text)) {
      report_.add(workload->at, fmt::format("\"{}\" is no workload of this release{}", workload->text,
                                            did_you_mean(workload->text, {workloads_.begin(), workloads_.end()})));
    }
    v1::WorkloadReadyCheck& check = *out_.add_checks()->mutable_workload_ready();
    check.set_workload(workload->text);
    const YamlNode* within = text_at(item, "within");
    const Result<Duration> limit = parse_seconds(within == nullptr ? "" : within->text);
    if (!limit) return;
    constexpr Duration kWithinMax = std::chrono::hours(24);  // the hub's
    if (*limit > kWithinMax || limit->count() == 0) report_.add(within->at, "within is not in 1s..24h");
    check.set_within_s(static_cast<std::uint32_t>(limit->count() / 1'000));
  }

  static std::string path_beside(const std::string& file, const std::string& path) {
    const std::size_t slash = file.rfind('/');
    return slash == std::string::npos || path.starts_with('/') ? path : file.substr(0, slash + 1) + path;
  }

  const YamlNode& document_;
  const Sources& sources_;
  Report& report_;
  v1::Release out_;
  std::optional<Channel> channel_;
  bool is_held_ = true;
  v1::InstallStep install_;
  v1::AddonsStep addons_;
  v1::MirrorsStep mirrors_;
  v1::ImagesStep images_;
  v1::DeployStep deploy_;
  std::set<std::string> listed_;     // refs of images
  std::set<std::string> archives_;   // digests
  std::set<std::string> workloads_;  // names
  std::vector<UsedImage> used_;
};

void check_size(const v1::Release& release, const YamlNode& document, Report& report) {
  const std::size_t bytes = payload_of(release).size();
  if (bytes <= kReleaseBytesMax) return;
  std::string largest;
  std::size_t most = 0;
  for (const v1::Step& step : release.steps()) {
    for (const v1::Workload& workload : step.deploy().workloads()) {
      if (workload.manifest().size() <= most) continue;
      most = workload.manifest().size();
      largest = fmt::format("; workload {} takes {} of them", workload.name(), most);
    }
  }
  report.add(document.at, fmt::format("the release takes {} bytes, at most {} can be sent to a device{}", bytes,
                                      kReleaseBytesMax, largest));
}

}  // namespace

std::optional<v1::Release> read_release(const YamlNode& document, const Sources& sources, Report& report) {
  const std::size_t before = report.all().errors().size();
  check_shape(document, kind_named("Release")->fields, "", report);
  v1::Release release = ReleaseReader(document, sources, report).read();
  if (report.all().errors().size() == before) check_size(release, document, report);
  if (report.all().errors().size() != before) return std::nullopt;
  return release;
}

std::string payload_of(const v1::Release& release) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    release.SerializeToCodedStream(&coded);
  }
  return out;
}

}  // namespace kelpie::cli
