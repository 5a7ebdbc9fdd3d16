#include "tests/system/cli_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

std::vector<std::string> argv_of(const std::vector<std::string>& words) {
  std::vector<std::string> argv{KELPIE_BIN_DIR "/kelpie"};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

/// Becomes kelpie on that terminal.
[[noreturn]] void become(const char* terminal, const std::vector<std::string>& argv,
                         const std::vector<std::string>& environment) {
  setsid();
  const int fd = open(terminal, O_RDWR);  // the first terminal of a session becomes its own
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(fd, standard);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& entry : environment) variables.push_back(const_cast<char*>(entry.c_str()));
  variables.push_back(nullptr);
  execve(words[0], words.data(), variables.data());
  _exit(127);
}

/// What the terminal shows by now.
void read_terminal(int master, std::string& shown) {
  std::string block(4'096, '\0');
  pollfd readable{.fd = master, .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, 0) > 0 && (readable.revents & POLLIN) != 0) {
    const ssize_t got = read(master, block.data(), block.size());
    if (got <= 0) return;
    shown.append(block, 0, static_cast<std::size_t>(got));
  }
}

/// Its exit code once it has ended.
std::optional<int> exit_of(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int open_terminal(unsigned short width) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  EXPECT_TRUE(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  const winsize size{.ws_row = 40, .ws_col = width, .ws_xpixel = 0, .ws_ypixel = 0};
  ioctl(master, TIOCSWINSZ, &size);
  return master;
}

}  // namespace

CliProgram::CliProgram() {
  hub_.start();
}

std::vector<std::string> CliProgram::environment() const {
  return {"KELPIE_HUB=" + hub_.socket(), "XDG_CONFIG_HOME=" + dir_.path(), "TERM=xterm", "LC_ALL=C.UTF-8"};
}

Child CliProgram::start(const std::vector<std::string>& words) {
  return Child::start({.argv = argv_of(words), .env = environment(), .out_file = {}, .err_file = {}, .in_file = {}});
}

bool CliProgram::until(const std::function<bool()>& condition) {
  return eventually([&] {
    hub_.pump(kPump);
    return condition();
  });
}

int CliProgram::wait(Child& child) {
  EXPECT_TRUE(until([&] { return !child.is_running(); })) << child.out() << child.err();
  return child.wait(std::chrono::milliseconds(0)).value_or(-1);
}

Finished CliProgram::kelpie(const std::vector<std::string>& words, const std::string& input) {
  const std::string in_file = dir_ / "input";
  write_file(in_file, input);
  Child child =
      Child::start({.argv = argv_of(words), .env = environment(), .out_file = {}, .err_file = {}, .in_file = in_file});
  const int code = wait(child);
  return {.code = code, .out = child.out(), .err = child.err()};
}

Finished CliProgram::on_terminal(const std::vector<std::string>& words, const std::string& typed,
                                 unsigned short width) {
  const int master = open_terminal(width);
  const std::string terminal = ptsname(master);
  const pid_t pid = fork();
  if (pid == 0) become(terminal.c_str(), argv_of(words), environment());
  EXPECT_EQ(write(master, typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
  Finished out{.code = -1, .out = {}, .err = {}};
  const bool has_ended = until([&] {
    read_terminal(master, out.out);
    const std::optional<int> code = exit_of(pid);
    if (code) out.code = *code;
    return code.has_value();
  });
  if (!has_ended) {
    ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    ADD_FAILURE() << "kelpie did not end: " << out.out;
  }
  read_terminal(master, out.out);
  close(master);
  return out;
}

Finished lone_kelpie(const TempDir& config, const std::vector<std::string>& words,
                     const std::vector<std::string>& environment) {
  std::vector<std::string> env = environment;
  env.push_back("XDG_CONFIG_HOME=" + config.path());
  return run({.argv = argv_of(words), .env = env, .out_file = {}, .err_file = {}, .in_file = {}});
}

}  // namespace kelpie::test
