#include "tests/support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

std::string temporary_file() {
  std::string path = "/tmp/kelpie-test-output-XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd >= 0) close(fd);
  return path;
}

[[noreturn]] void become(const ChildOptions& options, const std::string& out, const std::string& err, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int in = open(options.in_file.empty() ? "/dev/null" : options.in_file.c_str(), O_RDONLY);
  const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err_fd = open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, STDIN_FILENO);
  dup2(out_fd, STDOUT_FILENO);
  dup2(err_fd, STDERR_FILENO);
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(127);
  std::vector<char*> argv;
  for (const std::string& word : options.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const char* path = std::getenv("PATH");
  const char* home = std::getenv("HOME");
  const std::string path_entry = fmt::format("PATH={}", path != nullptr ? path : "/usr/bin:/bin");
  const std::string home_entry = fmt::format("HOME={}", home != nullptr ? home : "/root");
  std::vector<char*> env = {const_cast<char*>(path_entry.c_str()), const_cast<char*>(home_entry.c_str()),
                            const_cast<char*>("LC_ALL=C.UTF-8")};
  for (const std::string& entry : options.env) env.push_back(const_cast<char*>(entry.c_str()));
  env.push_back(nullptr);
  execve(argv[0], argv.data(), env.data());
  // A cross-built program of ours: its emulator starts it, as binfmt_misc would.
  if (errno == ENOEXEC) {
    std::string emulator = KELPIE_EMULATOR;
    argv.insert(argv.begin(), emulator.data());
    execve(argv[0], argv.data(), env.data());
  }
  _exit(127);
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    poll(nullptr, 0, 10);  // the condition is what is waited for; this only keeps the core free
  }
}

Child Child::start(const ChildOptions& options) {
  Child child;
  child.out_file_ = options.out_file.empty() ? temporary_file() : options.out_file;
  child.err_file_ = options.err_file.empty() ? temporary_file() : options.err_file;
  const pid_t parent = getpid();
  child.pid_ = fork();
  if (child.pid_ == 0) become(options, child.out_file_, child.err_file_, parent);
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      code_(std::exchange(other.code_, std::nullopt)),
      out_file_(std::move(other.out_file_)),
      err_file_(std::move(other.err_file_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill_now();
    pid_ = std::exchange(other.pid_, -1);
    code_ = std::exchange(other.code_, std::nullopt);
    out_file_ = std::move(other.out_file_);
    err_file_ = std::move(other.err_file_);
  }
  return *this;
}

Child::~Child() {
  kill_now();
  for (const std::string& file : {out_file_, err_file_}) {
    if (file.starts_with("/tmp/kelpie-test-output-")) unlink(file.c_str());
  }
}

bool Child::is_running() {
  return pid_ > 0 && !wait(std::chrono::milliseconds(0));
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::optional<int> Child::wait(std::chrono::milliseconds patience) {
  if (pid_ <= 0) return code_;
  const bool has_ended = eventually(
      [&] {
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
        code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        pid_ = -1;
        return true;
      },
      patience);
  return has_ended ? code_ : std::nullopt;
}

void Child::kill_now() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  code_ = 128 + SIGKILL;
  pid_ = -1;
}

std::string Child::out() const {
  return read_file(out_file_);
}
std::string Child::err() const {
  return read_file(err_file_);
}

Finished run(const ChildOptions& options, std::chrono::milliseconds patience) {
  Child child = Child::start(options);
  const std::optional<int> code = child.wait(patience);
  if (!code) ADD_FAILURE() << options.argv[0] << " did not end in time\n" << child.out() << child.err();
  return {.code = code.value_or(-1), .out = child.out(), .err = child.err()};
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace kelpie::test
