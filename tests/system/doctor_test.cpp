// kelpie-agent doctor, the real program beside a snapd that is not there: found, fixed, fine.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/system/agent_device.h"

namespace kelpie::test {
namespace {

TEST(Doctor, FindsWhatIsWrongFixesWhatItMayAndSaysTheRest) {
  const TempDir dir;
  DoubleDevice device({.programs = KELPIE_BIN_DIR, .speed = 1'000, .state = {}});
  device.change(
      [&](sim::DeviceState& state) { state = sim::running_device(sim::usual_world(), "1.32/stable", device.now()); });
  device.start_snapd();
  const auto doctor = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"doctor", "--state", dir / "state"};
    const std::vector<std::string> flags = flags_of(device);
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), more.begin(), more.end());
    return run_agent(words);
  };
  const Finished first = doctor({});
  EXPECT_EQ(first.code, 1) << first.err;
  EXPECT_NE(first.out.find("refreshes      trouble  not held: snapd may refresh 1.32/stable at any hour\n"
                           "                        do: snap refresh --hold microk8s\n"),
            std::string::npos)
      << first.out;
  EXPECT_NE(first.out.find("identity       trouble  there is no identity in "), std::string::npos) << first.out;
  const Finished fixing = doctor({"--fix"});
  EXPECT_EQ(fixing.code, 1) << "nobody but a person makes an identity";
  EXPECT_NE(fixing.out.find("fixed: refreshes are held; back: snap refresh --unhold microk8s\n"), std::string::npos)
      << fixing.out;
  EXPECT_FALSE(device.state().snap.hold.empty());
  const Finished after = doctor({"-o", "json"});
  const nlohmann::json json = nlohmann::json::parse(after.out);
  EXPECT_EQ(json["checks"].size(), 12U);
  for (const nlohmann::json& check : json["checks"]) {
    EXPECT_TRUE(check["check"] != "refreshes" || check["state"] == "fine") << check;
  }
}

}  // namespace
}  // namespace kelpie::test
