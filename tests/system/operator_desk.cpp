#include "tests/system/operator_desk.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

constexpr std::chrono::milliseconds kPump{10};

std::vector<std::string> argv_of(std::vector<std::string> words) {
  words.insert(words.begin(), KELPIE_BIN_DIR "/kelpie");
  return words;
}

/// Becomes kelpie on that terminal.
[[noreturn]] void become(const std::string& terminal, std::vector<std::string> argv) {
  setsid();
  const int fd = open(terminal.c_str(), O_RDWR);  // the first terminal of a session becomes its own
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(fd, standard);
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  std::string term = "TERM=xterm";
  std::string home = "HOME=/nonexistent";
  char* environment[] = {term.data(), home.data(), nullptr};
  execve(words[0], words.data(), environment);
  _exit(127);
}

std::string read_terminal(int master) {
  std::string out;
  std::string block(4'096, '\0');
  pollfd readable{.fd = master, .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, 0) > 0 && (readable.revents & POLLIN) != 0) {
    const ssize_t got = read(master, block.data(), block.size());
    if (got <= 0) break;
    out.append(block, 0, static_cast<std::size_t>(got));
  }
  return out;
}

}  // namespace

Finished kelpie_on_terminal(const std::vector<std::string>& words, const std::vector<Question>& questions) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return {.code = -1, .out = {}, .err = "no terminal"};
  const std::string terminal = ptsname(master);
  const int kept = open(terminal.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);  // what it showed outlives the child
  const pid_t pid = fork();
  if (pid == 0) become(terminal, argv_of(words));
  Finished out;
  std::size_t asked = 0;
  std::size_t from = 0;  // where the next prompt is looked for
  const bool has_ended = eventually([&] {
    out.out.append(read_terminal(master));
    if (asked < questions.size()) {
      const std::size_t at = out.out.find(questions[asked].prompt, from);
      if (at != std::string::npos) {
        from = at + questions[asked].prompt.size();
        const std::string line = questions[asked++].answer + "\n";
        EXPECT_EQ(write(master, line.data(), line.size()), static_cast<ssize_t>(line.size()));
      }
    }
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) != pid) return false;
    out.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
  });
  if (!has_ended) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    ADD_FAILURE() << "kelpie did not end: " << out.out;
  }
  out.out.append(read_terminal(master));
  close(kept);
  close(master);
  return out;
}

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

Child OperatorDesk::start(std::vector<std::string> words) {
  return start_as(operator_key(), std::move(words));
}

Child OperatorDesk::start_as(const std::string& key, std::vector<std::string> words) {
  return Child::start({.argv = argv_of(std::move(words)),
                       .env = {"KELPIE_HUB=" + hub_->socket(), "KELPIE_SIGN_KEY=" + key,
                               "XDG_CONFIG_HOME=" + dir_.path(), "LC_ALL=C.UTF-8"},
                       .out_file = {},
                       .err_file = {}});
}

Finished OperatorDesk::kelpie_as(const std::string& key, std::vector<std::string> words) {
  Child child = start_as(key, std::move(words));
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
