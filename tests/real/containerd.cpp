#include "tests/real/containerd.h"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

std::string program(const std::string& name) {
  const char* const folder = std::getenv("KELPIE_TEST_CONTAINERD");
  return fmt::format("{}/{}", folder == nullptr ? "/usr/bin" : folder, name);
}

// restrict_oom_score_adj: containers that run tests may not lower it (facts, platform 2.1).
std::string config_of(const std::string& folder) {
  return fmt::format(
      "version = 2\nroot = \"{0}/root\"\nstate = \"{0}/state\"\n[grpc]\n  address = \"{0}/containerd.sock\"\n"
      "[plugins.\"io.containerd.grpc.v1.cri\"]\n  restrict_oom_score_adj = true\n",
      folder);
}

}  // namespace

Containerd::Containerd(const Site& site, const std::string& folder) : site_(site), folder_(folder) {
  write_file(folder_ + "/config.toml", config_of(folder_));
}

void Containerd::start() {
  unlink((folder_ + "/containerd.sock").c_str());
  std::vector<std::string> argv = site_.entry();
  argv.insert(argv.end(), {program("containerd"), "--config", folder_ + "/config.toml"});
  daemon_ = Child::start(
      {.argv = argv, .env = {}, .out_file = {}, .err_file = folder_ + "/log", .in_file = {}, .folder = {}});
  // The socket first: a `ctr` that finds none waits for seconds before it looks again.
  const bool answers = eventually([&] {
    return !daemon_.is_running() || (access((folder_ + "/containerd.sock").c_str(), F_OK) == 0 && can_be_asked());
  });
  if (!answers || !daemon_.is_running()) throw std::runtime_error("containerd does not start: " + log());
}

bool Containerd::can_be_asked() const {
  std::vector<std::string> argv = ctr();
  argv.emplace_back("version");
  return run({.argv = argv, .env = {}, .out_file = {}, .err_file = {}, .in_file = {}, .folder = {}}).code == 0;
}

std::vector<std::string> Containerd::ctr() const {
  std::vector<std::string> argv = site_.entry();
  argv.insert(argv.end(), {program("ctr"), "--address", folder_ + "/containerd.sock", "--namespace", "k8s.io"});
  return argv;
}

std::string Containerd::ask(const std::vector<std::string>& words) const {
  std::vector<std::string> argv = ctr();
  argv.insert(argv.end(), words.begin(), words.end());
  const Finished done = run({.argv = argv, .env = {}, .out_file = {}, .err_file = {}, .in_file = {}, .folder = {}});
  EXPECT_EQ(done.code, 0) << done.err;
  return done.out;
}

std::string why_no_containerd() {
  for (const char* const name : {"containerd", "ctr"}) {
    if (access(program(name).c_str(), X_OK) != 0) return program(name) + " is not there: apt-get install containerd";
  }
  return {};
}

}  // namespace kelpie::test
