// kelpie device …: devices are registered, found by any unambiguous name, labelled, renamed and forgotten.
#include <algorithm>
#include <chrono>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/system/cli_program.h"

namespace kelpie::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kKey = "00112233445566778899aabbccddeeff";

TEST(CliDevice, IsAddedFoundByItsBeginningAndLabelled) {
  CliProgram cli;
  const Finished added = cli.kelpie({"device", "add", "pi-turin-07", "--key", kKey, "--label", "site=turin"});
  EXPECT_EQ(added.code, 0) << added.err;
  EXPECT_THAT(added.out, HasSubstr("pi-turin-07"));
  EXPECT_EQ(added.err, "1 device added\n");

  const Finished labelled = cli.kelpie({"device", "label", "pi-tur", "tier=canary", "site-"});
  EXPECT_EQ(labelled.code, 0) << labelled.err;
  const Finished listed = cli.kelpie({"device", "list", "-l", "tier=canary", "-o", "columns=name,labels"});
  EXPECT_EQ(listed.out, "NAME         LABELS\npi-turin-07  tier=canary\n");

  const Finished renamed = cli.kelpie({"device", "rename", "pi-turin-07", "pi-bern-01"});
  EXPECT_EQ(renamed.code, 0) << renamed.err;
  EXPECT_EQ(cli.kelpie({"device", "list", "-o", "name"}).out, "device/pi-bern-01\n");
}

TEST(CliDevice, AFileOfDevicesMayBeReadTwice) {
  CliProgram cli;
  const std::string lines = R"({"name":"pi-1","key":"00112233445566778899aabbccddee01","labels":{"site":"oslo"}})"
                            "\n\n"
                            R"({"name":"pi-2","key":"0011 2233 4455 6677 8899 aabb ccdd ee02"})"
                            "\n";
  const Finished first = cli.kelpie({"device", "add", "--from", "-"}, lines);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.err, "2 devices added\n");
  const Finished again = cli.kelpie({"device", "add", "--from", "-"}, lines);
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("0 devices added, 2 there already"));
  const Finished wrong = cli.kelpie({"device", "add", "--from", "-"}, R"({"name":"pi-3","kee":"00"})");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("line 1: \"kee\" does not belong here"));
}

TEST(CliDevice, WrongNamesLeadToTheRightOnes) {
  CliProgram cli;
  cli.kelpie({"device", "add", "pi-turin-07", "--key", "00112233445566778899aabbccddee01"});
  cli.kelpie({"device", "add", "pi-turin-08", "--key", "00112233445566778899aabbccddee02"});
  const Finished unknown = cli.kelpie({"device", "show", "pi-turim-07"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_THAT(unknown.err, HasSubstr("error: there is no device \"pi-turim-07\". Did you mean \"pi-turin-07\"?"));
  const Finished several = cli.kelpie({"device", "show", "pi-turin"});
  EXPECT_EQ(several.code, 2);
  EXPECT_THAT(several.err, HasSubstr("\"pi-turin\" fits 2 devices (pi-turin-07, pi-turin-08)"));
  EXPECT_THAT(cli.kelpie({"device", "show", "pi-turin", "-o", "json"}).out, HasSubstr("\"reason\": \"AMBIGUOUS\""));
  const Finished problem = cli.kelpie({"device", "show", "nothing-like-it", "-o", "json"});
  EXPECT_EQ(problem.code, 3);
  EXPECT_EQ(nlohmann::json::parse(problem.out)["error"]["reason"], "DEVICE_UNKNOWN");
}

TEST(CliDevice, NothingIsForgottenWithoutAYes) {
  CliProgram cli;
  cli.kelpie({"device", "add", "pi-1", "--key", kKey});
  const Finished unasked = cli.kelpie({"device", "decommission", "pi-1"});
  EXPECT_EQ(unasked.code, 2);
  EXPECT_THAT(unasked.err, HasSubstr("there is no terminal to ask on"));
  EXPECT_THAT(unasked.err, HasSubstr("--yes"));

  const Finished no = cli.on_terminal({"device", "decommission", "pi-1", "-o", "json"}, "no\n", 80);
  EXPECT_EQ(no.code, 9);
  EXPECT_THAT(no.out, HasSubstr("DECLINED"));
  EXPECT_THAT(no.out, HasSubstr("decommission pi-1 on the hub at " + cli.hub().socket()));
  EXPECT_EQ(cli.kelpie({"device", "list", "-o", "name"}).out, "device/pi-1\n");

  const Finished yes = cli.on_terminal({"device", "decommission", "pi-1"}, "yes\n", 80);
  EXPECT_EQ(yes.code, 0) << yes.out;
  const Finished none = cli.kelpie({"device", "list"});
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "no devices\n");
}

TEST(CliDevice, NamesFromStdinAreWhatListPrints) {
  CliProgram cli;
  for (const char* number : {"1", "2", "3"}) {
    cli.kelpie({"device", "add", std::string("pi-") + number, "--key",
                std::string("00112233445566778899aabbccddee0") + number});
  }
  const Finished names = cli.kelpie({"device", "list", "--limit", "2", "-o", "name"});
  const Finished gone = cli.kelpie({"device", "decommission", "-", "--yes", "--reason", "sold"}, names.out);
  EXPECT_EQ(gone.code, 0) << gone.err;
  EXPECT_EQ(cli.kelpie({"device", "list", "-o", "name"}).out, "device/pi-3\n");
  EXPECT_THAT(cli.kelpie({"audit", "list"}).out, HasSubstr("sold"));
}

TEST(CliDevice, MoreThanAPageAreAddedAndShown) {
  CliProgram cli;
  std::string lines;
  for (int i = 0; i < 250; ++i) {
    lines +=
        fmt::format(R"({{"name":"pi-{0:04}","key":"{1:032x}","labels":{{"site":"s{2}"}}}})", i, i + 1, i % 10) + "\n";
  }
  EXPECT_EQ(cli.kelpie({"device", "add", "--from", "-", "-q"}, lines).code, 0);
  EXPECT_THAT(cli.kelpie({"status"}).out, HasSubstr("never seen 250"));
  const auto lines_of = [&](std::vector<std::string> words) {
    const std::string out = cli.kelpie(words).out;
    return std::count(out.begin(), out.end(), '\n');
  };
  EXPECT_EQ(lines_of({"device", "list", "-o", "name"}), 250);
  EXPECT_EQ(lines_of({"device", "list", "-l", "site=s3", "-o", "name"}), 25);
}

TEST(CliDevice, WaitEndsWhenTheDeviceIsThereOrTheTimeIsOver) {
  CliProgram cli;
  cli.hub().add_device("pi-1");
  const Finished online = cli.kelpie({"device", "wait", "pi-1", "--for", "connection=online"});
  EXPECT_EQ(online.code, 0) << online.err;
  EXPECT_THAT(online.out, HasSubstr("device=pi-1 connection=online"));
  const Finished late =
      cli.kelpie({"device", "wait", "pi-1", "--for", "connection=offline", "--timeout", "1s", "-o", "json"});
  EXPECT_EQ(late.code, 124);
  EXPECT_THAT(late.out, HasSubstr("WAIT_ENDED"));
  EXPECT_THAT(late.err, HasSubstr("waited 1s for 1 device to have connection=offline"));
  const Finished wrong = cli.kelpie({"device", "wait", "pi-1", "--for", "conection=online"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("Did you mean \"connection\"?"));
}

}  // namespace
}  // namespace kelpie::test
