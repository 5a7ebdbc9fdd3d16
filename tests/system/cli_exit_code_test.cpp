// Every exit code of the table is the end of a real kelpie: a code that no command can end with, or one that ends a
// command and stands in no table, is a promise broken to whoever scripts it.
#include <csignal>
#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/one_answer.h"
#include "tests/system/operator_desk.h"
#include "tools/kelpie/exit_code.h"

namespace kelpie::test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr const char* kManifests =
    "kind: Release\nname: kiosk\nversion: 1.0.0\nmicrok8s: { channel: 1.32/stable }\n"
    "---\nkind: Fleet\nname: eu\nselector: region=eu\nrelease: kiosk@1.0.0\n";

/// A hub with one device that obeys and a rollout that one which cannot brings to a halt.
class HaltedFleet {
 public:
  explicit HaltedFleet(std::string policy = {}) : policy_(std::move(policy)) {
    for (const char* name : {"pi-1", "pi-2"}) desk_.hub().add_device(name);
    EXPECT_EQ(kelpie({"device", "label", "pi-2", "region=eu"}).code, 0);
    desk_.hub().devices().at("pi-2")->fail_from_now_on();
    EXPECT_EQ(kelpie({"apply", "-f", manifests()}).code, 0);
  }

  Finished kelpie(const std::vector<std::string>& words) { return desk_.kelpie(words); }
  Finished sign_as_nobody() {
    EXPECT_EQ(plain_kelpie({"key", "new", desk_.path("eve.key"), "--no-passphrase"}).code, 0);
    return desk_.kelpie_as(desk_.path("eve.key"), {"release", "create", "-f", manifests()});
  }
  Finished interrupt_a_watch() {
    Child watch = desk_.start({"event", "watch", "--after", "0"});
    EXPECT_TRUE(eventually([&] { return !watch.out().empty(); }));
    watch.signal(SIGINT);
    const int code = watch.wait().value_or(-1);
    return {.code = code, .out = watch.out(), .err = watch.err()};
  }
  std::string manifests() { return desk_.file("all.yaml", kManifests + policy_); }
  std::string rollout() {
    const std::string name = kelpie({"rollout", "list", "--where", "scope!=adhoc", "-o", "name"}).out;
    return name.substr(name.find('/') + 1, 26);
  }

 private:
  std::string policy_;
  OperatorDesk desk_;
};

Finished ask_a_babbling_hub() {
  const OneAnswer hub("HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: 1\r\n\r\n\xff");
  return plain_kelpie({"device", "list", "--hub", hub.socket()});
}

TEST(ExitCodes, EachEndsARealCommand) {
  HaltedFleet fleet;
  // In this order: the rollout is halted, looked at, ended, and then past changing.
  const std::vector<std::pair<int, std::function<Finished()>>> endings{
      {0,
       [&] {
         return fleet.kelpie({"device", "list"});
       }},
      {1,
       [&] {
         return fleet.kelpie({"command", "send", "inspect", "pi-2", "--wait"});
       }},
      {2,
       [&] {
         return fleet.kelpie({"device", "list", "--limit", "few"});
       }},
      {3,
       [&] {
         return fleet.kelpie({"device", "show", "nobody"});
       }},
      {4, [&] { return fleet.sign_as_nobody(); }},
      {6, [&] { return plain_kelpie({"status"}); }},
      {7,
       [&] {
         return fleet.kelpie({"rollout", "start", "kiosk@1.0.0", "--fleet", "eu", "--yes", "--wait"});
       }},
      {8,
       [&] {
         return fleet.kelpie({"status", "--exit-code"});
       }},
      {9,
       [&] {
         return fleet.kelpie({"rollout", "abort", fleet.rollout(), "--yes", "--wait"});
       }},
      {5,
       [&] {
         return fleet.kelpie({"rollout", "pause", fleet.rollout()});
       }},
      {10,
       [&] {
         return fleet.kelpie({"rollout", "plan", "--fleet", "eu", "--exit-code"});
       }},
      {70, ask_a_babbling_hub},
      {124,
       [&] {
         return fleet.kelpie({"event", "watch", "--timeout", "100ms"});
       }},
      {130, [&] { return fleet.interrupt_a_watch(); }},
  };
  std::map<int, int> seen;
  for (const auto& [code, ending] : endings) {
    const Finished ended = ending();
    EXPECT_EQ(ended.code, code) << ended.out << ended.err;
    ++seen[code];
  }
  const std::string help = plain_kelpie({"help", "exit-codes"}).out;
  for (const cli::ExitRow& row : cli::exit_codes()) {
    const std::string number = std::to_string(static_cast<int>(row.code));
    EXPECT_EQ(seen[static_cast<int>(row.code)], 1) << "no command ends with " << number;
    EXPECT_THAT(help, ContainsRegex("(^|\n) *" + number + "  " + std::string(row.meaning.substr(0, 4))));
  }
  EXPECT_EQ(seen.size(), cli::exit_codes().size());
}

TEST(ExitCodes, ARolloutThatItsOwnRuleAbortsIsBad) {
  HaltedFleet fleet("policy: { onFail: abort }\n");
  const Finished by_rule = fleet.kelpie({"rollout", "start", "kiosk@1.0.0", "--fleet", "eu", "--yes", "--wait"});
  EXPECT_EQ(by_rule.code, 1) << by_rule.out << by_rule.err;
  EXPECT_THAT(by_rule.out, HasSubstr("phase=aborted reason=failure_limit"));
}

TEST(ExitCodes, OurBugNamesTheRequestToReport) {
  const Finished babble = ask_a_babbling_hub();
  EXPECT_THAT(babble.err, HasSubstr("error: the hub's answer to ListDevices is no DeviceList\n"));
  EXPECT_THAT(babble.err, ContainsRegex("please report it with request [0-9A-Z]{26}\n"));
  const OneAnswer mute("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
  const Finished silent = plain_kelpie({"device", "list", "--hub", mute.socket()});
  EXPECT_EQ(silent.code, 70);
  EXPECT_THAT(silent.err, HasSubstr("error: the hub answered 500 without saying why\n"));
}

}  // namespace
}  // namespace kelpie::test
