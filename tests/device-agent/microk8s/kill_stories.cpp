#include "tests/device-agent/microk8s/kill_stories.h"

#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/walk.h"

namespace kelpie::test {
namespace {

/// Not defined for a kind without a story, which fails the matrix: a new step joins by a specialisation here.
template <typename Kind>
struct StoriesOf;
template <typename Kind>
concept HasStories = requires {
  StoriesOf<Kind>::all();
};

void have_microk8s(sim::Device& device) {
  fill_registries(device);
  device.install();
}

void have_old_workload(sim::Device& device) {
  have_microk8s(device);
  Walk walk(device);
  const agent::DeployStep old{.workloads = {{.name = "old",
                                             .name_space = "default",
                                             .manifest = sim::workload("old", "docker.io/library/old:1.0")}},
                              .prune = false};
  ASSERT_EQ(walk.go({old}), "deploy changed");
}

void have_stopped_microk8s(sim::Device& device) {
  have_microk8s(device);
  Walk walk(device);
  ASSERT_EQ(walk.go({agent::StopStep{}}), "stop changed");
}

template <>
struct StoriesOf<agent::InstallStep> {
  static std::vector<KillStory> all() {
    return {{.name = "install-first",
             .device = fill_registries,
             .step =
                 [](v1::Step& step) {
                   step.mutable_install()->set_channel("1.32/stable");
                   step.mutable_install()->set_hold(true);
                 }},
            {.name = "install-refresh", .device = have_microk8s, .step = [](v1::Step& step) {
               step.mutable_install()->set_channel("1.33/stable");
               step.mutable_install()->set_hold(true);
             }}};
  }
};

template <>
struct StoriesOf<agent::StartStep> {
  static std::vector<KillStory> all() {
    return {{.name = "start", .device = have_stopped_microk8s, .step = [](v1::Step& step) { step.mutable_start(); }}};
  }
};

template <>
struct StoriesOf<agent::StopStep> {
  static std::vector<KillStory> all() {
    return {{.name = "stop", .device = have_microk8s, .step = [](v1::Step& step) { step.mutable_stop(); }}};
  }
};

void have_archive(sim::Device& device) {
  have_microk8s(device);
  device.world.images["docker.io/library/one:1"] = {.digest = digest_of('8')};
  device.world.archives["/var/lib/kelpie-agent/artifacts/" + std::string(64, 'f')] = {"docker.io/library/one:1"};
}

template <>
struct StoriesOf<agent::ImagesStep> {
  static std::vector<KillStory> all() {
    return {{.name = "images-archive",
             .device = have_archive,
             .step =
                 [](v1::Step& step) {
                   v1::Image& image = *step.mutable_images()->add_images();
                   image.set_ref("docker.io/library/one:1");
                   image.set_digest(digest_of('8'));
                   image.set_archive("sha256:" + std::string(64, 'f'));
                 }},
            {.name = "images", .device = have_old_workload, .step = [](v1::Step& step) {
               v1::Image& moved = *step.mutable_images()->add_images();
               moved.set_ref("docker.io/library/old:1.0");
               moved.set_digest(digest_of('7'));
               v1::Image& mirrored = *step.mutable_images()->add_images();
               mirrored.set_ref("registry.k8s.io/pause:3.11");
               mirrored.set_digest(digest_of('1'));
               mirrored.set_from("mirror.example/pause:3.10");
             }}};
  }
};

template <>
struct StoriesOf<agent::AddonsStep> {
  static std::vector<KillStory> all() {
    return {{.name = "addons", .device = have_microk8s, .step = [](v1::Step& step) {
               step.mutable_addons()->add_addons()->set_name("metrics-server");
               v1::Addon& absent = *step.mutable_addons()->add_addons();
               absent.set_name("dns");
               absent.set_absent(true);
             }}};
  }
};

void set(v1::Workload& workload, const std::string& name, const std::string& image) {
  workload.set_name(name);
  workload.set_namespace_("default");
  workload.set_manifest(sim::workload(name, image));
}

template <>
struct StoriesOf<agent::DeployStep> {
  static std::vector<KillStory> all() {
    return {
        {.name = "deploy-first",
         .device = have_microk8s,
         .step =
             [](v1::Step& step) { set(*step.mutable_deploy()->add_workloads(), "new", "docker.io/library/new:1.0"); }},
        {.name = "deploy-change", .device = have_old_workload, .step = [](v1::Step& step) {
           set(*step.mutable_deploy()->add_workloads(), "old", "docker.io/library/old:2.0");
           set(*step.mutable_deploy()->add_workloads(), "new", "docker.io/library/new:1.0");
           step.mutable_deploy()->set_prune(true);
         }}};
  }
};

template <>
struct StoriesOf<agent::RemoveStep> {
  static std::vector<KillStory> all() {
    return {{.name = "remove", .device = have_old_workload, .step = [](v1::Step& step) {
               step.mutable_remove()->add_workloads("old");
             }}};
  }
};

template <>
struct StoriesOf<agent::InspectStep> {
  static std::vector<KillStory> all() {
    return {{.name = "inspect",
             .device = have_microk8s,
             .step = [](v1::Step& step) { step.mutable_inspect(); },
             .changes_nothing = true}};
  }
};

void have_ending_certificates(sim::Device& device) {
  have_microk8s(device);
  for (const char* const name : {"server.crt", "front-proxy-client.crt"}) {
    device.cell.state.certificates[name].not_after = device.pause.wall() + std::chrono::hours(24 * 20);
  }
}

template <>
struct StoriesOf<agent::CertsStep> {
  static std::vector<KillStory> all() {
    return {{.name = "certs",
             .device = have_ending_certificates,
             .step = [](v1::Step& step) { step.mutable_certs()->set_renew_before_s(30 * 86'400); },
             .keeps_effect = true}};
  }
};

template <>
struct StoriesOf<agent::SnapshotStep> {
  static std::vector<KillStory> all() {
    return {{.name = "snapshot",
             .device = have_microk8s,
             .step = [](v1::Step& step) { step.mutable_snapshot(); },
             .keeps_effect = true}};
  }
};

template <>
struct StoriesOf<agent::MirrorsStep> {
  static std::vector<KillStory> all() {
    return {{.name = "mirrors", .device = have_microk8s, .step = [](v1::Step& step) {
               v1::Mirror& shipped = *step.mutable_mirrors()->add_mirrors();
               shipped.set_registry("docker.io");
               shipped.add_hosts()->set_url("http://mirror.site:5000");
               v1::Mirror& fresh = *step.mutable_mirrors()->add_mirrors();
               fresh.set_registry("registry.site:5000");
               fresh.add_hosts()->set_url("https://mirror.site:5000");
               fresh.mutable_hosts(0)->set_ca("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
             }}};
  }
};

template <typename Kind>
void join(std::vector<KillStory>& all) {
  if constexpr (HasStories<Kind>) {
    for (KillStory& one : StoriesOf<Kind>::all()) all.push_back(std::move(one));
  }
}

template <typename... Kinds>
std::vector<KillStory> stories_of(const std::variant<Kinds...>*) {
  std::vector<KillStory> all;
  (join<Kinds>(all), ...);
  return all;
}

template <typename Kind>
void note_lack(std::vector<std::string>& kinds) {
  if constexpr (!HasStories<Kind>) kinds.emplace_back(kind_of(agent::Step(Kind{})));
}
template <typename... Kinds>
std::vector<std::string> lacking(const std::variant<Kinds...>*) {
  std::vector<std::string> kinds;
  (note_lack<Kinds>(kinds), ...);
  return kinds;
}

}  // namespace

std::vector<KillStory> kill_stories() {
  return stories_of(static_cast<const agent::Step*>(nullptr));
}

std::vector<std::string> kinds_without_story() {
  return lacking(static_cast<const agent::Step*>(nullptr));
}

}  // namespace kelpie::test
