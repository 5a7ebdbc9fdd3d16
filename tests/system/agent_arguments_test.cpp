// What kelpie-agent says when it is told something wrong, and what init leaves behind: all of it or nothing.
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/system/agent_program.h"

namespace kelpie::test {
namespace {

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}
unsigned mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777U;
}

class AgentInit : public ::testing::Test {
 protected:
  Finished init(const std::string& trust, const std::string& broker = "tcp://127.0.0.1:1883") {
    return run_agent({"init", "--trust", trust, "--broker", broker, "--state", state()});
  }
  [[nodiscard]] std::string state() const { return dir_ / "state"; }

  TempDir dir_;
  HubProgram hub_;
};

TEST_F(AgentInit, MakesAnIdentityAndSaysWhatToTypeOnTheHub) {
  const Finished made = init(hub_.trust_file());
  ASSERT_EQ(made.code, 0) << made.err;
  for (const char* file : {"/identity.key", "/trust.klp", "/agent.conf"}) EXPECT_EQ(mode_of(state() + file), 0600U);
  EXPECT_EQ(mode_of(state()), 0700U);
  const Result<wire::SigningKey> key = wire::SigningKey::load(state() + "/identity.key");
  ASSERT_TRUE(key);
  const DeviceId id = wire::device_id_of(key->public_key());
  EXPECT_NE(made.out.find("device       " + id.hex() + "\n"), std::string::npos) << made.out;
  EXPECT_NE(made.out.find("fingerprint  " + fingerprint(id.view()) + "\n"), std::string::npos) << made.out;
  EXPECT_NE(made.out.find(" --key " + id.hex() + "\n"), std::string::npos) << made.out;
  EXPECT_EQ(read_file(state() + "/trust.klp"), read_file(hub_.trust_file()));
  const Finished status = run_agent({"status", "--state", state()});
  EXPECT_NE(
      status.out.find("fleet of     system test, trust version 1\nbroker       tcp://127.0.0.1:1883\nstate        "
                      "none yet\n"),
      std::string::npos)
      << status.out;
}

TEST_F(AgentInit, ASecondTimeChangesNothing) {
  ASSERT_EQ(init(hub_.trust_file()).code, 0);
  const std::string key = read_file(state() + "/identity.key");
  const Finished again = init(hub_.trust_file(), "tcp://127.0.0.1:2");
  EXPECT_EQ(again.code, 1);
  EXPECT_NE(again.err.find("this device has an identity already"), std::string::npos) << again.err;
  EXPECT_EQ(read_file(state() + "/identity.key"), key);
  EXPECT_EQ(read_file(state() + "/agent.conf").find(":2"), std::string::npos);
}

TEST_F(AgentInit, AWrongTrustDocumentLeavesNothing) {
  std::string frame = read_file(hub_.trust_file());
  frame.back() = static_cast<char>(frame.back() ^ 1);
  write_file(dir_ / "changed.klp", frame);
  write_file(dir_ / "large.klp", std::string(100'000, 'x'));
  const std::pair<std::string, std::string> cases[] = {
      {dir_ / "none.klp", "cannot open trust document"},
      {dir_ / "large.klp", "is larger than 81920 bytes"},
      {dir_ / "changed.klp", "changed.klp: "},
      {hub_.key_file(), "hub.key: "},
  };
  for (const auto& [file, said] : cases) {
    const Finished wrong = init(file);
    EXPECT_EQ(wrong.code, 1) << file;
    EXPECT_NE(wrong.err.find(said), std::string::npos) << wrong.err;
    EXPECT_FALSE(exists(state())) << file;
  }
}

TEST_F(AgentInit, ABrokerBeyondLoopbackIsRefusedUntilTlsComes) {
  const Finished wrong = init(hub_.trust_file(), "tcp://192.0.2.1:1883");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("is not on this machine's loopback"), std::string::npos) << wrong.err;
  EXPECT_NE(init(hub_.trust_file(), "localhost").code, 0);
  EXPECT_FALSE(exists(state()));
}

TEST_F(AgentInit, ANewStateIsForALostOneOnly) {
  EXPECT_EQ(run_agent({"init", "--new-state", "--state", state()}).code, 1);
  hub_.start();
  AgentProgram agent(hub_, "pi-1");
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.is_online(); })) << agent.log();
  EXPECT_NE(run_agent({"init", "--new-state", "--state", agent.state()}).err.find("an agent is running"),
            std::string::npos);
  EXPECT_EQ(agent.terminate(), 0);
  EXPECT_NE(run_agent({"init", "--new-state", "--state", agent.state()}).err.find("the state can be read"),
            std::string::npos);
  for (const char* slot : {"/state.a", "/state.b"}) write_file(agent.state() + slot, std::string(262'144, 'x'));
  EXPECT_NE(run_agent({"status", "--state", agent.state()}).out.find("both slots of the agent's state are damaged"),
            std::string::npos);
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.log().find("the device's state is lost") != std::string::npos; }));
  EXPECT_EQ(agent.terminate(), 0);
  EXPECT_EQ(run_agent({"init", "--new-state", "--state", agent.state()}).code, 0);
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.log().find("agent started") != std::string::npos; }));
  EXPECT_EQ(agent.log().find("lost"), std::string::npos) << agent.log();
}

TEST(AgentArguments, EveryProblemIsListedAtOnce) {
  const Finished wrong = run_agent({"run", "--colour", "red", "--state"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err, "kelpie-agent: --state needs a value; there is no option --colour\nhint: kelpie-agent help\n");
  EXPECT_EQ(run_agent({"run", "--log-format", "xml"}).code, 2);
  EXPECT_EQ(run_agent({"init"}).code, 2);
  EXPECT_EQ(run_agent({"doctor", "-o", "yaml"}).code, 2);
  EXPECT_EQ(run_agent({}).code, 2);
  EXPECT_EQ(run_agent({"dance"}).code, 2);
}

TEST(AgentArguments, HelpNamesEveryFlag) {
  const Finished help = run_agent({"help"});
  EXPECT_EQ(help.code, 0);
  for (const char* flag : {"--trust FILE", "--new-state", "--broker URL", "--state DIR", "--microk8s PATH",
                           "--snap-data DIR", "--snap-common DIR", "--snapd-socket PATH", "--look-every DURATION",
                           "--config FILE", "doctor [--fix] [-o json]"}) {
    EXPECT_NE(help.out.find(flag), std::string::npos) << flag;
  }
}

TEST(AgentArguments, TheUnitStartsItWithFlagsItHas) {
  const std::string unit = read_file(KELPIE_SOURCE_DIR "/deploy/systemd/kelpie-agent.service");
  const std::string line = "ExecStart=/usr/bin/kelpie-agent run --config /etc/kelpie/agent.conf\n";
  EXPECT_NE(unit.find(line), std::string::npos) << unit;
  EXPECT_NE(unit.find("ConditionPathExists=/var/lib/kelpie-agent/identity.key\n"), std::string::npos);
  const Finished wrong = run_agent({"run", "--state", "/nonexistent", "--log-format", "json"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("there is no identity in"), std::string::npos) << wrong.err;
}

TEST_F(AgentInit, AKeyThatOthersMayReadIsRefused) {
  ASSERT_EQ(init(hub_.trust_file()).code, 0);
  ASSERT_EQ(chmod((state() + "/identity.key").c_str(), 0644), 0);
  const Finished wrong = run_agent({"run", "--state", state()});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("identity.key"), std::string::npos) << wrong.err;
}

TEST_F(AgentInit, ASecondAgentOnTheSameStateIsRefused) {
  hub_.start();
  AgentProgram agent(hub_, "pi-1");
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.is_online(); })) << agent.log();
  const Finished second = run_agent({"run", "--state", agent.state(), "--log-format", "text"});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("an agent is running on"), std::string::npos) << second.err;
  EXPECT_TRUE(agent.is_running());
}

}  // namespace
}  // namespace kelpie::test
