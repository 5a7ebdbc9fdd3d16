#include "tests/system/operator_desk.h"

#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

constexpr std::chrono::milliseconds kPump{10};

std::vector<std::string> argv_of(std::vector<std::string> words) {
  words.insert(words.begin(), KELPIE_BIN_DIR "/kelpie");
  return words;
}

}  // namespace

OperatorDesk::OperatorDesk(const std::vector<std::string>& init_flags) {
  std::vector<std::string> words{"hub", "init", "--dir", dir_ / "installation", "--operator", "ana"};
  words.insert(words.end(), init_flags.begin(), init_flags.end());
  const Finished made = plain_kelpie(words);
  EXPECT_EQ(made.code, 0) << made.err;
  hub_ = std::make_unique<HubProgram>(dir_ / "installation/hub");
  hub_->start();
}

Finished OperatorDesk::kelpie(std::vector<std::string> words) {
  return kelpie_as(operator_key(), std::move(words));
}

Finished OperatorDesk::kelpie_as(const std::string& key, std::vector<std::string> words) {
  Child child = Child::start({.argv = argv_of(std::move(words)),
                              .env = {"KELPIE_HUB=" + hub_->socket(), "KELPIE_SIGN_KEY=" + key,
                                      "XDG_CONFIG_HOME=" + dir_.path(), "LC_ALL=C.UTF-8"},
                              .out_file = {},
                              .err_file = {}});
  EXPECT_TRUE(eventually([&] {
    hub_->pump(kPump);
    return !child.is_running();
  })) << child.err();
  return {.code = child.wait(std::chrono::milliseconds(0)).value_or(-1), .out = child.out(), .err = child.err()};
}

std::string OperatorDesk::file(const std::string& name, const std::string& text) {
  write_file(path(name), text);
  return path(name);
}

Finished plain_kelpie(std::vector<std::string> words) {
  const TempDir config;
  return run({.argv = argv_of(std::move(words)),
              .env = {"XDG_CONFIG_HOME=" + config.path(), "KELPIE_HUB=" + (config / "none.sock"), "LC_ALL=C.UTF-8"},
              .out_file = {},
              .err_file = {}});
}

std::string plan_of(const std::string& text) {
  constexpr std::size_t kIdLength = 26;
  const std::size_t at = text.find("Plan 01");
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? std::string() : text.substr(at + 5, kIdLength);
}

}  // namespace kelpie::test
