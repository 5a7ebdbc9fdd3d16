// What kelpie-hub says when it is told something wrong: on what, why, and what to type next. Nothing is left behind.
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"
#include "tests/system/hub_program.h"

namespace kelpie::test {
namespace {

Finished hub(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), KELPIE_BIN_DIR "/kelpie-hub");
  return run({.argv = std::move(arguments), .env = {}, .out_file = {}, .err_file = {}});
}

TEST(HubArguments, HelpNamesEveryFlagWithItsDefault) {
  const Finished help = hub({"help"});
  EXPECT_EQ(help.code, 0);
  for (const char* flag : {"--keys DIR", "--data DIR", "--broker URL", "--socket PATH", "--listen HOST:PORT",
                           "--token-file FILE", "--log-format WORD", "--config FILE", "tcp://127.0.0.1:1883"}) {
    EXPECT_NE(help.out.find(flag), std::string::npos) << flag;
  }
}

TEST(HubArguments, EveryProblemIsListedAtOnce) {
  const Finished wrong = hub({"run", "--colour", "red", "--keys"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err, "kelpie-hub: --keys needs a value; there is no option --colour\nhint: kelpie-hub help\n");
}

TEST(HubArguments, AFileIsReadAndItsLinesAreNamed) {
  const TempDir dir;
  write_file(dir / "hub.conf", "# a comment\nbroker = tcp://127.0.0.1:1\ncolour = red\n");
  const Finished wrong = hub({"run", "--config", dir / "hub.conf"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("hub.conf: line 3: there is no option \"colour\""), std::string::npos) << wrong.err;
}

TEST(HubArguments, WithoutKeysNothingIsMade) {
  const TempDir dir;
  const Finished wrong = hub({"run", "--keys", dir / "none", "--data", dir / "data", "--socket", dir / "hub.sock"});
  EXPECT_EQ(wrong.code, 1);
  struct stat status {};
  EXPECT_NE(stat((dir / "data").c_str(), &status), 0);
}

TEST(HubArguments, ABrokerBeyondLoopbackIsRefusedUntilTlsComes) {
  HubProgram program;
  const Finished wrong = hub(program.arguments("tcp://192.0.2.1:1883"));
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("loopback"), std::string::npos) << wrong.err;
}

TEST(HubArguments, ASecondHubOnTheSameDataIsRefused) {
  HubProgram program;
  program.start();
  const Finished second = hub(program.arguments(program.broker().url()));
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("store"), std::string::npos) << second.err;
  EXPECT_TRUE(program.is_running());
}

TEST(HubArguments, ATermEndsItCleanly) {
  HubProgram program;
  program.start();
  EXPECT_EQ(program.terminate(), 0);
}

}  // namespace
}  // namespace kelpie::test
