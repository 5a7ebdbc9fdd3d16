// The reference walk at the site of the guide: real hub, broker and agent, a real containerd, and a firewall behind
// which only the mirror answers. The double's node gets Ready only by images that are really there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/core.h>

#include "tests/real/real_test.h"
#include "tests/system/agent_device.h"
#include "tests/system/fleet_operator.h"
#include "tests/system/getting_started.h"

namespace kelpie::test {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

/// What the add-ons of the release run, beside the images it names itself: no registry but the mirror is in reach.
constexpr const char* kAddonImages[] = {
    "docker.io/coredns/coredns:1.10.1", "docker.io/cdkbot/hostpath-provisioner:1.5.0",
    "docker.io/kubernetesui/dashboard:v2.7.0", "registry.k8s.io/metrics-server/metrics-server:v0.6.3"};

constexpr std::chrono::seconds kWalkPatience{240};  // a hundred starts of a real ctr, beside other tests

struct Named {
  std::string repository;
  std::string tag;
};
/// docker.io/calico/cni:v3.28.1 is calico/cni, v3.28.1 to a mirror.
Named at_mirror(const std::string& ref) {
  const std::size_t slash = ref.find('/') + 1;
  const std::size_t colon = ref.rfind(':');
  return {.repository = ref.substr(slash, colon - slash), .tag = ref.substr(colon + 1)};
}

class ReferenceWalk : public RealTest {
 protected:
  ReferenceWalk() {
    options.device = sim::DeviceState();  // no MicroK8s yet
    options.device->architecture = own_architecture();
    options.device->faults.push_back({.kind = sim::FaultKind::RegistryUnreachable});
    options.speed = 2'000;
  }
  void SetUp() override {
    RealTest::SetUp();
    if (IsSkipped()) return;
    fill_mirror();
    name_mirror();
    hub_.start();
    agent_.flags = flags_of(real().device());
    agent_.start();
    ASSERT_TRUE(eventually([&] { return agent_.is_online(); })) << agent_.log();
  }
  /// The release's digests are those of registries a test does not have.
  void fill_mirror() {
    v1::ImagesStep* images = nullptr;
    for (v1::Step& step : *release_.mutable_steps()) {
      if (step.has_images()) images = step.mutable_images();
    }
    ASSERT_NE(images, nullptr);
    for (const char* const ref : kAddonImages) images->add_images()->set_ref(ref);
    for (v1::Image& image : *images->mutable_images()) {
      const OciImage made = make_image({.text = image.ref()});
      const Named name = at_mirror(image.from().empty() ? image.ref() : image.from());
      real().mirror().add(name.repository, name.tag, made);
      image.set_digest(made.digest);
    }
  }
  /// Behind the install: there is nothing to write to before.
  void name_mirror() {
    v1::Release whole = release_;
    whole.clear_steps();
    for (const v1::Step& step : release_.steps()) {
      *whole.add_steps() = step;
      if (!step.has_install()) continue;
      v1::MirrorsStep& mirrors = *whole.add_steps()->mutable_mirrors();
      for (const char* const registry : {"docker.io", "mirror.example", "registry.k8s.io"}) {
        v1::Mirror& mirror = *mirrors.add_mirrors();
        mirror.set_registry(registry);
        mirror.add_hosts()->set_url(fmt::format("http://{}", kMirror));
        mirror.set_server(fmt::format("http://{}", kMirror));
      }
    }
    release_ = whole;
  }
  /// "succeeded: install changed, start unchanged, …"
  std::string roll_out() {
    const std::string id = operator_.start_rollout(release_);
    std::string out = operator_.finish(id, kWalkPatience).status().phase() + ":";
    const auto targets = hub_.get<api::v1::TargetList>(fmt::format("/api/v1/rollouts/{}/targets", id));
    if (!targets || targets->items_size() != 1) return out + " no target";
    const api::v1::Attempt& attempt = targets->items(0).status().attempt();
    for (const api::v1::StepResult& result : attempt.results()) {
      out += fmt::format(" {} {},", result.kind(), result.outcome());
    }
    return out + attempt.detail();
  }

  HubProgram hub_;
  v1::Release release_ = getting_started();
  AgentProgram agent_{hub_, "pi-1"};
  FleetOperator operator_{hub_, [] {}};
};

TEST_F(ReferenceWalk, PassesWhereOnlyTheMirrorAnswers) {
  ASSERT_EQ(roll_out(),
            "succeeded: certs unchanged, snapshot unchanged, install changed, mirrors changed, start unchanged, images "
            "changed, addons changed, deploy changed,")
      << agent_.log();
  EXPECT_TRUE(real().device().node_port("default/nodered"));
  const Lines images = real().images();
  EXPECT_THAT(images, Each(EndsWith(", pinned")));
  EXPECT_THAT(images, Contains(HasSubstr("registry.k8s.io/pause:3.10 is sha256:")));
  EXPECT_THAT(real().mirror().requests(), Not(Contains(Field(&RegistryRequest::status, 404))));

  const std::size_t asked = real().mirror().requests().size();
  EXPECT_EQ(roll_out(),
            "succeeded: certs unchanged, snapshot unchanged, install unchanged, mirrors unchanged, start unchanged, "
            "images unchanged, addons unchanged, deploy unchanged,");
  EXPECT_EQ(real().images(), images);
  EXPECT_EQ(real().mirror().requests().size(), asked) << "nothing is fetched twice";
}

}  // namespace
}  // namespace kelpie::test
