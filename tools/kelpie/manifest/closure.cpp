#include "tools/kelpie/manifest/closure.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "tools/kelpie/manifest/channel.h"
#include "tools/kelpie/manifest/images.h"

namespace kelpie::cli {
namespace {

struct TrackImage {
  int minor;
  std::string_view by;
  std::string_view ref;
};
// Tracks whose manifests were read. A refresh does not upgrade add-ons: theirs is the image of the track on which they
// were enabled.
constexpr std::array<TrackImage, 27> kImages = {{
    {32, "every pod", "registry.k8s.io/pause:3.10"},
    {32, "network", "docker.io/calico/cni:v3.28.1"},
    {32, "network", "docker.io/calico/kube-controllers:v3.28.1"},
    {32, "network", "docker.io/calico/node:v3.28.1"},
    {32, "MicroK8s", "docker.io/library/busybox:1.28.4"},
    {32, "dns", "docker.io/coredns/coredns:1.10.1"},
    {32, "hostpath-storage", "docker.io/cdkbot/hostpath-provisioner:1.5.0"},
    {32, "metrics-server", "registry.k8s.io/metrics-server/metrics-server:v0.6.3"},
    {32, "ingress", "registry.k8s.io/ingress-nginx/controller:v1.13.8"},
    {34, "every pod", "registry.k8s.io/pause:3.10"},
    {34, "network", "docker.io/calico/cni:v3.29.3"},
    {34, "network", "docker.io/calico/kube-controllers:v3.29.3"},
    {34, "network", "docker.io/calico/node:v3.29.3"},
    {34, "MicroK8s", "docker.io/library/busybox:1.28.4"},
    {34, "dns", "docker.io/coredns/coredns:1.12.3"},
    {34, "hostpath-storage", "docker.io/cdkbot/hostpath-provisioner:1.6.0"},
    {34, "metrics-server", "registry.k8s.io/metrics-server/metrics-server:v0.8.0"},
    {34, "ingress", "registry.k8s.io/ingress-nginx/controller:v1.13.1"},
    {35, "every pod", "registry.k8s.io/pause:3.10"},
    {35, "network", "docker.io/calico/cni:v3.29.3"},
    {35, "network", "docker.io/calico/kube-controllers:v3.29.3"},
    {35, "network", "docker.io/calico/node:v3.29.3"},
    {35, "MicroK8s", "docker.io/library/busybox:1.28.4"},
    {35, "dns", "docker.io/coredns/coredns:1.13.1"},
    {35, "hostpath-storage", "docker.io/cdkbot/hostpath-provisioner:1.6.0"},
    {35, "metrics-server", "registry.k8s.io/metrics-server/metrics-server:v0.8.0"},
    {35, "ingress", "docker.io/library/traefik:v3.6.2"},
}};

constexpr std::array<std::string_view, 3> kOfEveryNode = {"every pod", "network", "MicroK8s"};
// Their effect needs no image (facts, microk8s 5.3).
constexpr std::array<std::string_view, 5> kWithoutImages = {"ha-cluster", "helm", "helm3", "host-access", "rbac"};

template <typename Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class ClosureWriter {
 public:
  explicit ClosureWriter(const v1::Release& release) : release_(release) {}

  Closure write() {
    for (const v1::Step& step : release_.steps()) {
      if (step.has_install()) add_track(step.install().channel());
    }
    for (const v1::Step& step : release_.steps()) {
      for (const v1::Addon& addon : step.addons().addons()) add_addon(addon);
    }
    for (const v1::Step& step : release_.steps()) {
      for (const v1::Image& image : step.images().images()) add(image.ref(), "release");
    }
    if (minor_ == 0)
      out_.unknown.emplace_back("the release names no channel: what MicroK8s itself needs is not listed");
    return std::move(out_);
  }

 private:
  void add_track(const std::string& text) {
    const Result<Channel> channel = parse_channel(text);
    if (!channel) return;
    minor_ = channel->minor;
    for (const TrackImage& image : kImages) {
      if (image.minor == minor_ && is_one_of(kOfEveryNode, image.by))
        add(std::string(image.ref), std::string(image.by));
    }
    if (out_.images.empty()) {
      out_.unknown.push_back(
          fmt::format("the images of track {} are not known to this kelpie: see a device that runs "
                      "it, microk8s ctr image ls",
                      track_of(*channel)));
    }
  }

  void add_addon(const v1::Addon& addon) {
    if (addon.absent() || minor_ == 0 || is_one_of(kWithoutImages, addon.name())) return;
    const auto at = std::find_if(kImages.begin(), kImages.end(), [&](const TrackImage& image) {
      return image.minor == minor_ && image.by == addon.name();
    });
    if (at != kImages.end()) {
      add(std::string(at->ref), "add-on " + addon.name());
    } else {
      out_.unknown.push_back(fmt::format("the images of add-on {} are not known to this kelpie", addon.name()));
    }
  }

  void add(const std::string& ref, const std::string& by) {
    const bool is_there =
        std::any_of(out_.images.begin(), out_.images.end(), [&](const NeededImage& image) { return image.ref == ref; });
    if (!is_there) out_.images.push_back({.ref = ref, .by = by, .comes_from = origin_of(ref)});
  }

  /// The images step first; what it does not bring, kubelet pulls through a mirror or not at all.
  [[nodiscard]] std::string origin_of(const std::string& ref) const {
    for (const v1::Step& step : release_.steps()) {
      for (const v1::Image& image : step.images().images()) {
        if (image.ref() != ref) continue;
        if (!image.archive().empty()) return "archive";
        return has_mirror(image.from().empty() ? ref : image.from()) ? "mirror" : "registry";
      }
    }
    return has_mirror(ref) ? "mirror, by kubelet" : "";
  }

  [[nodiscard]] bool has_mirror(const std::string& ref) const {
    for (const v1::Step& step : release_.steps()) {
      for (const v1::Mirror& mirror : step.mirrors().mirrors()) {
        if (mirror.registry() == registry_of(ref)) return true;
      }
    }
    return false;
  }

  const v1::Release& release_;
  int minor_ = 0;
  Closure out_;
};

}  // namespace

Closure closure_of(const v1::Release& release) {
  return ClosureWriter(release).write();
}

}  // namespace kelpie::cli
