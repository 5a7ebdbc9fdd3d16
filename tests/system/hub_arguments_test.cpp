// What kelpie-hub says when it is told something wrong: on what, why, and what to type next. Nothing is left behind.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

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

TEST(HubArguments, ADamagedTrustDocumentIsNamed) {
  HubProgram program;
  std::filesystem::resize_file(program.trust_file(), 100);
  const Finished wrong = hub(program.arguments(program.broker().url()));
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find(program.trust_file()), std::string::npos) << wrong.err;
}

TEST(HubArguments, HelpIsGivenBehindTheVerbToo) {
  const Finished help = hub({"run", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("--broker"), std::string::npos) << help.out;
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
  EXPECT_NE(second.err.find("is in use by another process"), std::string::npos) << second.err;
  EXPECT_TRUE(program.is_running());
}

TEST(HubArguments, AStorePutBackFromAnOlderCopyIsNoticed) {
  HubProgram program;
  const std::vector<std::string> arguments = program.arguments(program.broker().url());
  const std::string data = *std::next(std::find(arguments.begin(), arguments.end(), "--data"));
  program.start();
  program.add_device("pi-1");
  ASSERT_EQ(program.terminate(), 0);
  std::filesystem::copy(data + "/store", data + "/copy", std::filesystem::copy_options::recursive);
  program.start();
  program.add_device("pi-2");
  ASSERT_EQ(program.terminate(), 0);
  std::filesystem::remove_all(data + "/store");
  std::filesystem::rename(data + "/copy", data + "/store");
  const Finished older = hub(arguments);
  EXPECT_EQ(older.code, 1);
  EXPECT_NE(older.err.find("older than its head anchor"), std::string::npos) << older.err;
  EXPECT_NE(older.err.find("rm "), std::string::npos) << older.err;
  std::filesystem::remove(data + "/head");
  program.start();
  EXPECT_TRUE(program.is_running()) << program.log();
}

TEST(HubArguments, StatusSaysHowMuchDiskTheStoreTakes) {
  HubProgram program;
  program.start();
  program.add_device("pi-1");
  const auto status = program.get<api::v1::HubStatus>("/api/v1/hub");
  ASSERT_TRUE(status);
  EXPECT_GT(std::stoull(status->store_bytes()), 0U);
}

TEST(HubArguments, ATermEndsItCleanly) {
  HubProgram program;
  program.start();
  EXPECT_EQ(program.terminate(), 0);
}

}  // namespace
}  // namespace kelpie::test
