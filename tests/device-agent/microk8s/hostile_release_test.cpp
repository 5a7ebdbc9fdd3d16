// A release that operators signed may still hold anything: it is refused at the border, or what it holds reaches a
// program only as one argument that is none of the program's options. No program but MicroK8s is ever started.
#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include "device-agent/inbound.h"
#include "device-agent/microk8s/carry_out.h"
#include "proto/base/entropy.h"
#include "tests/device-agent/hub_frames.h"
#include "tests/device-agent/microk8s/kill_stories.h"

namespace kelpie::test {
namespace {

using namespace std::string_literals;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> all{"; reboot",
                                            "$(reboot)",
                                            "`reboot`",
                                            "|sh",
                                            "a&&reboot",
                                            "a b",
                                            "-",
                                            "-f",
                                            "--help",
                                            "--kubeconfig=/etc/shadow",
                                            "a\n--force",
                                            "a\0--force"s,
                                            "..",
                                            "../../../etc/passwd",
                                            "a/../b",
                                            "/etc/passwd",
                                            "%s%n",
                                            "*",
                                            "~root",
                                            "a=b,c in (d)",
                                            "\x1b[2J",
                                            "'\"\\",
                                            "\u202egnp",
                                            "@",
                                            ":",
                                            "=",
                                            std::string(3'000, 'a'),
                                            std::string(60'000, 'a')};
  return all;
}

/// What words of ours begin with a dash.
bool is_option_of_ours(std::string_view word) {
  constexpr std::array kOptions{"-",
                                "-A",
                                "-c",
                                "-f",
                                "-l",
                                "-n",
                                "-o",
                                "--dry-run=server",
                                "--field-manager=kelpie",
                                "--force",
                                "--force-conflicts",
                                "--format",
                                "--hosts-dir",
                                "--ignore-not-found",
                                "--local",
                                "--previous",
                                "--raw",
                                "--request-timeout=10s",
                                "--request-timeout=20s",
                                "--server-side",
                                "--sync",
                                "--tail=20",
                                "--timeout=60s",
                                "--wait"};
  return std::find(kOptions.begin(), kOptions.end(), word) != kOptions.end();
}

/// What was started, in words.
class Recorder final : public agent::ProcessRunner {
 public:
  explicit Recorder(agent::ProcessRunner& device) : device_(device) {}
  [[nodiscard]] Result<agent::Exit> run(const agent::Command& command) override {
    commands.push_back(command.argv);
    return device_.run(command);
  }
  std::vector<std::vector<std::string>> commands;

 private:
  agent::ProcessRunner& device_;
};

/// A text field somewhere in a message, to be set.
struct Place {
  std::string name;  // of the field
  Message* message;
  const FieldDescriptor* field;
  void set(const std::string& text) const {
    const google::protobuf::Reflection& reflection = *message->GetReflection();
    if (!field->is_repeated()) return reflection.SetString(message, field, text);
    reflection.ClearField(message, field);
    reflection.AddString(message, field, text);
  }
};

void find_places(Message& message, std::vector<Place>& places) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = message.GetDescriptor()->field(i);
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      places.push_back({.name = field->full_name(), .message = &message, .field = field});
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE && field->is_repeated()) {
      for (int at = 0; at < reflection.FieldSize(message, field); ++at) {
        find_places(*reflection.MutableRepeatedMessage(&message, field, at), places);
      }
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE && reflection.HasField(message, field)) {
      find_places(*reflection.MutableMessage(&message, field), places);
    }
  }
}

Result<agent::Release> judged(const v1::Step& step) {
  PrepareOf order;
  order.release = [&](v1::Release& release) {
    release.clear_steps();
    release.clear_checks();
    *release.add_steps() = step;
  };
  const v1::Deliver deliver = prepare_of(order);
  return agent::parse_release(as_bytes(deliver.prepare().release()), the_trust());
}

/// Through every phase, whatever comes of it.
std::vector<std::vector<std::string>> carried_out(const agent::Step& step, const sim::Device& before) {
  static const agent::DevicePaths paths;
  sim::Device device;
  device.world = before.world;
  device.cell.state = before.cell.state;
  device.pause = before.pause;
  Recorder recorder(device.sim);
  agent::Host host{recorder, device.sim, device.sim, device.pause, paths, [](const std::string&) {}};
  std::string restore;
  for (const agent::Phase phase :
       {agent::Phase::Prepare, agent::Phase::Observe, agent::Phase::Run, agent::Phase::Verify, agent::Phase::Undo}) {
    const agent::CallResult result = agent::carry_out(
        {.id = 1,
         .what = agent::StepCall{.phase = phase, .step = step, .restore = restore, .disk_free_bytes = 0},
         .limit = std::chrono::minutes(1)},
        host);
    if (phase == agent::Phase::Prepare) restore = result.restore;
  }
  return recorder.commands;
}

/// Empty when the words are what may be started with this text of a release among them.
std::string complaint(const std::vector<std::string>& argv, const std::string& text, bool is_for_addon) {
  if (argv.front() != "/snap/bin/microk8s") return "another program";
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20U; };
    if (std::any_of(word.begin(), word.end(), is_control)) return fmt::format("control characters in {}", word);
    const bool is_of_script = is_for_addon && i > 2 && word == text && (argv[1] == "enable" || argv[1] == "disable");
    if (word.starts_with('-') && !is_of_script && !is_option_of_ours(word)) return "an option: " + word;
  }
  return {};
}

class HostileRelease : public testing::TestWithParam<KillStory> {};

TEST_P(HostileRelease, IsRefusedOrHarmless) {
  const KillStory& story = GetParam();
  v1::Step step;
  story.step(step);
  sim::Device before;
  story.device(before);
  std::vector<Place> places;
  v1::Step changed = step;
  find_places(changed, places);
  std::size_t refused = 0;
  std::size_t harmless = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (const std::string& text : hostile_texts()) {
      changed = step;
      places.clear();
      find_places(changed, places);
      places[i].set(text);
      const Result<agent::Release> release = judged(changed);
      if (!release) {
        ++refused;
        EXPECT_EQ(release.error().reason, "E_SCHEMA") << release.error().message;
        EXPECT_EQ(release.error().message.find_first_of("\n\x1b"), std::string::npos) << release.error().message;
        continue;
      }
      ++harmless;
      const bool is_for_addon = places[i].name == "kelpie.v1.Addon.args";
      for (const auto& argv : carried_out(release->steps.front(), before)) {
        const std::string wrong = complaint(argv, text, is_for_addon);
        EXPECT_EQ(wrong, "") << places[i].name << ": " << fmt::format("{}", fmt::join(argv, " "));
      }
    }
  }
  RecordProperty("refused", static_cast<int>(refused));
  RecordProperty("harmless", static_cast<int>(harmless));
  EXPECT_TRUE(places.empty() || refused > 0);
}

std::string name_of(const testing::TestParamInfo<KillStory>& row) {
  std::string name = row.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Steps, HostileRelease, testing::ValuesIn(kill_stories()), name_of);

// The manifest is the cluster's matter: it goes in by standard input, and no word of it is an argument.
TEST(HostileRelease, NothingOfAManifestIsAnArgument) {
  sim::Device before;
  before.install();
  for (const std::string& name : hostile_texts()) {
    if (name.find_first_of("\"\\\n\0\x1b"s) != std::string::npos || name.size() > 100) continue;  // no JSON any more
    v1::Step step;
    v1::Workload& workload = *step.mutable_deploy()->add_workloads();
    workload.set_name("kiosk");
    workload.set_namespace_("default");
    workload.set_manifest(sim::workload(name, name));
    const Result<agent::Release> release = judged(step);
    ASSERT_TRUE(release) << release.error().message;
    for (const auto& argv : carried_out(release->steps.front(), before)) {
      EXPECT_EQ(complaint(argv, name, false), "");
      const auto is_of_it = [&](const std::string& word) { return name.size() > 2 && word.find(name) != word.npos; };
      EXPECT_EQ(std::count_if(argv.begin(), argv.end(), is_of_it), 0) << name;
    }
  }
}

TEST(HostileRelease, TenMebibytesAreRefusedByTheirSize) {
  v1::Release release = kiosk_release();
  release.mutable_steps(1)->mutable_addons()->mutable_addons(0)->set_name(std::string(10U << 20U, 'a'));
  const std::string frame = wire::seal(wire::FrameType::Release, the_trust().installation,
                                       as_bytes(release.SerializeAsString()), key_of(kAna));
  const Result<agent::Release> judged = agent::parse_release(as_bytes(frame), the_trust());
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().reason, "E_SIZE");
}

}  // namespace
}  // namespace kelpie::test
