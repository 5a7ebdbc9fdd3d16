// What the agent counts on, asked of the doubles and, where somebody names them, of the real things:
// KELPIE_TEST_KUBECONFIG a cluster (with kubectl on the usual paths), KELPIE_TEST_MICROK8S the command of a running
// MicroK8s, KELPIE_TEST_SNAPD_SOCKET a snapd (tools/check --real-snapd).
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <regex>

#include <fmt/core.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proto/wire/http_client.h"
#include "tests/recorded/recorded.h"
#include "tests/support/double_device.h"
#include "tests/support/temp_dir.h"
#include "tools/sim/microk8s/json.h"

namespace kelpie::test {
namespace {

constexpr const char* kNamespace =
    "kelpie-contract";  // of a real cluster: made and deleted here, nothing else is touched

enum class Whom { Double, Real };

std::string setting(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::string kubectl_on_path() {
  for (const char* const path : {"/usr/local/bin/kubectl", "/usr/bin/kubectl", "/snap/bin/kubectl"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return {};
}

class Contract : public testing::TestWithParam<Whom> {
 protected:
  Contract() {
    if (GetParam() == Whom::Real) return;
    device_.emplace(DoubleOptions{.programs = KELPIE_BIN_DIR, .speed = 50, .state = {}, .world = sim::usual_world()});
    device_->change([&](sim::DeviceState& state) {
      state = sim::running_device(sim::usual_world(), "1.32/stable", device_->now());
    });
  }

  Finished ask(std::vector<std::string> words, const std::string& input = {}) {
    std::vector<std::string> argv = program_;
    argv.insert(argv.end(), words.begin(), words.end());
    const std::string file = dir_ / "input";
    write_file(file, input);
    return run({.argv = argv, .env = {"USER=root"}, .out_file = {}, .err_file = {}, .in_file = file});
  }
  /// "exit 1 out… err…": what of the answer counts.
  void expect(const std::vector<std::string>& words, int code, const std::string& pattern,
              const std::string& input = {}) {
    const Finished got = ask(words, input);
    SCOPED_TRACE(fmt::format("{}\nout: {}\nerr: {}", fmt::join(words, " "), got.out, got.err));
    EXPECT_EQ(got.code, code);
    EXPECT_TRUE(std::regex_search(got.out + got.err, std::regex(pattern))) << pattern;
  }

  std::optional<DoubleDevice> device_;
  std::vector<std::string> program_;
  TempDir dir_;
};

using KubectlContract = Contract;

/// Of no replica: nothing is started anywhere.
std::string deployment(const std::string& image) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"List","items":[{{"apiVersion":"apps/v1","kind":"Deployment","metadata":)"
      R"({{"name":"one","namespace":"{}","labels":{{"app.kubernetes.io/managed-by":"kelpie"}}}},"spec":{{"replicas":0,)"
      R"("selector":{{"matchLabels":{{"app":"one"}}}},"template":{{"metadata":{{"labels":{{"app":"one"}}}},)"
      R"("spec":{{"containers":[{{"name":"one","image":"{}"}}]}}}}}}}}]}})",
      kNamespace, image);
}

TEST_P(KubectlContract, Holds) {
  if (device_) {
    program_ = {device_->microk8s(), "kubectl"};
  } else {
    if (setting("KELPIE_TEST_KUBECONFIG").empty()) GTEST_SKIP() << "KELPIE_TEST_KUBECONFIG names no real cluster";
    ASSERT_NE(kubectl_on_path(), "") << "no kubectl in /usr/local/bin, /usr/bin or /snap/bin";
    program_ = {kubectl_on_path(), "--kubeconfig=" + setting("KELPIE_TEST_KUBECONFIG")};
  }
  const std::string space =
      fmt::format(R"({{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{}"}}}})", kNamespace);
  const std::vector<std::string> apply{"apply", "--server-side", "--field-manager=kelpie", "-f", "-"};
  std::vector<std::string> try_out = apply;
  try_out.insert(try_out.begin() + 3, "--dry-run=server");
  const std::vector<std::string> by_other{"apply", "--server-side", "--field-manager=other", "-f", "-"};
  const std::vector<std::string> live{"get", "-f", "-", "-o", "json", "--ignore-not-found", "--request-timeout=20s"};

  expect({"get", "--raw", "/readyz"}, 0, "^ok$");
  expect({"version", "-o", "json", "--request-timeout=10s"}, 0, R"("gitVersion": ?"v1\.)");
  expect({"get", "nodes", "-o", "json", "--request-timeout=20s"}, 0, R"("type": ?"Ready")");
  expect(apply, 0, "namespace/kelpie-contract serverside-applied", space);
  expect(live, 0, "^$", deployment("docker.io/library/one:1"));
  expect(try_out, 0, R"(deployment.apps/one serverside-applied \(server dry run\))",
         deployment("docker.io/library/one:1"));
  expect(live, 0, "^$", deployment("docker.io/library/one:1"));
  expect(apply, 0, "deployment.apps/one serverside-applied", deployment("docker.io/library/one:1"));
  expect(apply, 0, "deployment.apps/one serverside-applied",
         deployment("docker.io/library/one:1"));  // the same text, whether it changed or not
  expect(live, 0, R"("name": ?"one")", deployment("docker.io/library/one:1"));
  expect(by_other, 1, R"(Apply failed with 1 conflict: conflict with "kelpie")", deployment("docker.io/library/one:2"));
  expect({"get", "deployments", "-n", kNamespace, "-l", "app.kubernetes.io/managed-by=kelpie", "-o", "json"}, 0,
         R"("kind": ?"List")");
  expect({"get", "deployments", "nothing", "-n", kNamespace, "-o", "json"}, 1,
         R"(Error from server \(NotFound\): deployments.apps "nothing" not found)");
  expect({"get", "deployments", "nothing", "-n", kNamespace, "-o", "json", "--ignore-not-found"}, 0, "^$");
  expect(apply, 1, "no matches for kind",
         R"({"apiVersion":"nobody.example/v1","kind":"Thing","metadata":{"name":"x"}})");
  expect({"delete", "-f", "-", "--ignore-not-found", "--wait", "--timeout=60s"}, 0, "deployment.apps \"one\" deleted",
         deployment("docker.io/library/one:1"));
  expect({"delete", "-f", "-", "--ignore-not-found", "--wait", "--timeout=60s"}, 0,
         "namespace \"kelpie-contract\" deleted", space);
}
INSTANTIATE_TEST_SUITE_P(Contract, KubectlContract, testing::Values(Whom::Double, Whom::Real),
                         [](const auto& row) { return row.param == Whom::Double ? "Double" : "Real"; });

using Microk8sContract = Contract;

/// Looks and changes nothing.
TEST_P(Microk8sContract, Holds) {
  if (!device_ && setting("KELPIE_TEST_MICROK8S").empty()) {
    GTEST_SKIP() << "KELPIE_TEST_MICROK8S names no microk8s of a device that runs";
  }
  program_ = {device_ ? device_->microk8s() : setting("KELPIE_TEST_MICROK8S")};
  expect({"status", "--format", "short"}, 0, "^microk8s is running\naddons:\ncore/");
  expect({"status", "--addon", "nosuch"}, 0, "^disabled\n$");
  expect({"status", "--format", "json"}, 2, "invalid choice: 'json'");
  expect({"nosuch"}, 1, "'nosuch' is not a valid MicroK8s subcommand");
  expect({"version"}, 0, R"(^MicroK8s v1\.\d+\.\d+ revision \w+)");
  expect({"kubectl", "get", "--raw", "/readyz"}, 0, "^ok$");
  expect({"ctr", "image", "ls", "name==docker.io/library/nothing:1"}, 0, "^REF +TYPE +DIGEST +SIZE +PLATFORMS +LABELS");
  expect({"enable", "core/nosuch"}, 0, "Addon core/nosuch not found");
}
INSTANTIATE_TEST_SUITE_P(Contract, Microk8sContract, testing::Values(Whom::Double, Whom::Real),
                         [](const auto& row) { return row.param == Whom::Double ? "Double" : "Real"; });

// The recorded replies hold for a real snapd of Debian 12 without MicroK8s and without a network.
TEST(SnapdContract, ARealSnapdAnswersAsRecorded) {
  const std::string socket = setting("KELPIE_TEST_SNAPD_SOCKET");
  if (socket.empty()) GTEST_SKIP() << "KELPIE_TEST_SNAPD_SOCKET names no snapd: tools/check --real-snapd";
  const auto ask = [&](const std::string& method, const std::string& path, const std::string& body) {
    const Result<wire::HttpResponse> reply =
        wire::http_call({.method = method, .url = "http://localhost" + path, .unix_socket = socket, .body = body});
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? std::pair(reply->status, sim::Json::parse(reply->body).value_or(sim::Json()))
                 : std::pair(0, sim::Json());
  };
  const auto [status, system] = ask("GET", "/v2/system-info", "");
  EXPECT_EQ(status, 200);
  EXPECT_FALSE(system.at({"result", "version"}).text().empty()) << system.dump();
  EXPECT_FALSE(system.at({"result", "architecture"}).text().empty());
  EXPECT_TRUE(system.at("result").has("on-classic"));
  EXPECT_EQ(ask("GET", "/v2/changes?select=in-progress&for=microk8s", "").second.at("result").items().size(), 0U);

  const Result<std::vector<Recorded>> all = read_recorded();
  ASSERT_TRUE(all);
  for (const Recorded& recorded : *all) {
    if (recorded.name != "snapd-missing") continue;
    for (const Exchange& exchange : recorded.exchanges) {
      SCOPED_TRACE(fmt::format("{} {}", fmt::join(exchange.words, " "), exchange.input));
      const auto [code, reply] = ask(exchange.words[1], exchange.words[2], exchange.input);
      const sim::Json expected = *sim::Json::parse(exchange.json);
      EXPECT_EQ(code, exchange.code) << reply.dump();
      EXPECT_EQ(reply.text("type"), expected.text("type"));
      EXPECT_EQ(reply.at({"result", "kind"}).text(), expected.at({"result", "kind"}).text()) << reply.dump();
      // What no network says differs from one to the next.
      const std::string message = expected.at({"result", "message"}).text();
      const std::string start = message.substr(0, message.find(": Post"));
      EXPECT_EQ(reply.at({"result", "message"}).text().substr(0, start.size()), start);
    }
  }
}

}  // namespace
}  // namespace kelpie::test
