#include "device-agent/host/posix_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "proto/base/fd.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kPipeBytes = 64U << 10U;
constexpr int kLookMs = 200;  // how soon stopping and the deadline are noticed

struct Pipe {
  Fd read;
  Fd write;
};

Error cannot_start(const Command& command, int error) {
  const bool is_absent = error == ENOENT || error == EACCES || error == ENOTDIR;
  return {.code = is_absent ? Code::NotFound : Code::Unavailable,
          .message = fmt::format("cannot run \"{}\": {}", command.argv.front(), std::strerror(error)),
          .reason = {},
          .hint = {}};
}

Result<Pipe> make_pipe(const Command& command) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return fail(cannot_start(command, errno));
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// The first half and the newest half of what came: an error's cause is at the end, its context at the start.
class Output {
 public:
  explicit Output(std::size_t bytes_max) : half_(bytes_max / 2) {}
  void add(std::string_view bytes) {
    const std::size_t to_head = std::min(bytes.size(), half_ - head_.size());
    head_.append(bytes.substr(0, to_head));
    tail_.append(bytes.substr(to_head));
    if (tail_.size() <= half_) return;
    is_cut_ = true;
    tail_.erase(0, tail_.size() - half_);
  }
  [[nodiscard]] std::string text() const { return head_ + (is_cut_ ? "\n[…]\n" : "") + tail_; }

 private:
  std::size_t half_;
  std::string head_;
  std::string tail_;
  bool is_cut_ = false;
};

struct Running {
  pid_t pid = -1;
  Fd exit;  // pidfd: readable when the process has ended
  Fd input;
  Fd out;
  Fd err;
};

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  void move(const Fd& from, int to) { posix_spawn_file_actions_adddup2(&actions_, from.get(), to); }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

int spawn(const Command& command, const FileActions& files, pid_t& pid) {
  posix_spawnattr_t attributes{};
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t usual;
  sigemptyset(&usual);
  for (const int number : {SIGPIPE, SIGTERM, SIGINT}) sigaddset(&usual, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> argv;
  argv.reserve(command.argv.size() + 1);
  for (const std::string& argument : command.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // Texts are parsed: they must not depend on the agent's own environment.
  // Without USER the wrappers of MicroK8s stop with "USER: unbound variable" (facts, microk8s 2.0).
  const std::array<std::string, 4> settings{
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin", "HOME=/root", "LC_ALL=C.UTF-8",
      "USER=root"};
  std::vector<char*> environment;
  environment.reserve(settings.size() + 1);
  for (const std::string& setting : settings) environment.push_back(const_cast<char*>(setting.c_str()));
  environment.push_back(nullptr);
  const int rc = posix_spawn(&pid, argv[0], files.get(), &attributes, argv.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  return rc;
}

Result<Running> start(const Command& command) {
  KELPIE_TRY(Pipe out, make_pipe(command));
  KELPIE_TRY(Pipe err, make_pipe(command));
  KELPIE_TRY(Pipe in, make_pipe(command));
  FileActions files;
  if (command.input_file != nullptr) {
    KELPIE_ASSERT(command.input.empty() && command.input_file->file.is_open());
    if (lseek(command.input_file->file.get(), 0, SEEK_SET) != 0) return fail(cannot_start(command, errno));
  }
  files.move(command.input_file != nullptr ? command.input_file->file : in.read, STDIN_FILENO);
  files.move(out.write, STDOUT_FILENO);
  files.move(err.write, STDERR_FILENO);
  Running running;
  if (const int error = spawn(command, files, running.pid); error != 0) return fail(cannot_start(command, error));
  running.exit = Fd(static_cast<int>(syscall(SYS_pidfd_open, running.pid, 0)));
  running.out = std::move(out.read);
  running.err = std::move(err.read);
  fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  if (!command.input.empty()) running.input = std::move(in.write);  // otherwise closed here: end of file at once
  return running;
}

void write_some(Running& running, std::string_view& input) {
  const ssize_t written = ::write(running.input.get(), input.data(), std::min(input.size(), kPipeBytes));
  if (written > 0) input.remove_prefix(static_cast<std::size_t>(written));
  const bool is_refused = written < 0 && errno != EAGAIN && errno != EINTR;  // it reads no more: its exit tells why
  if (input.empty() || is_refused) running.input.reset();
}

using OnOutput = std::function<void(std::string_view)>;

/// How many bytes came.
std::size_t read_some(Fd& from, Output& into, const OnOutput& on_output = {}) {
  std::array<char, kPipeBytes> buffer{};
  const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
  if (got > 0) into.add({buffer.data(), static_cast<std::size_t>(got)});
  if (got > 0 && on_output) on_output({buffer.data(), static_cast<std::size_t>(got)});
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) from.reset();
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

/// What the process left in the pipe at its end. Not what comes after: a grandchild may go on writing for ever.
void read_rest(Fd& from, Output& into, const OnOutput& on_output = {}) {
  int left = 0;
  if (!from.is_open() || ioctl(from.get(), FIONREAD, &left) != 0) return;
  for (auto wanted = static_cast<std::size_t>(left); wanted > 0 && from.is_open();)
    wanted -= std::min(wanted, read_some(from, into, on_output));
}

/// One wait on everything that can happen. True when the process has ended.
bool wait_once(Running& running, std::string_view& input, Output& out, Output& err, const OnOutput& on_output) {
  std::array<pollfd, 4> polled{{{.fd = running.exit.get(), .events = POLLIN, .revents = 0},
                                {.fd = running.out.get(), .events = POLLIN, .revents = 0},
                                {.fd = running.err.get(), .events = POLLIN, .revents = 0},
                                {.fd = running.input.get(), .events = POLLOUT, .revents = 0}}};
  if (poll(polled.data(), polled.size(), kLookMs) <= 0) return false;
  if (polled[1].revents != 0) read_some(running.out, out, on_output);
  if (polled[2].revents != 0) read_some(running.err, err);
  if (polled[3].revents != 0) write_some(running, input);
  return polled[0].revents != 0;
}

constexpr int kSignalBase = 128;
constexpr std::size_t kLeftBehindMax = 8;  // chosen: each holds a process and what it has open

int reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
}

SteadyTime now() {
  return SystemClock().steady();
}

/// The child reads through the same open file: its place is ours.
void tell_input(const Command& command) {
  if (command.input_file == nullptr || !command.on_input) return;
  const off_t at = lseek(command.input_file->file.get(), 0, SEEK_CUR);
  if (at > 0) command.on_input(static_cast<std::uint64_t>(at));
}

}  // namespace

Exit PosixProcess::leave_behind(int pid, std::string out, std::string err) {
  // It waits in the kernel, for a card or a file system that does not answer. Nobody can end it; nor may it end us.
  left_behind_.push_back(pid);
  return {.code = kSignalBase + SIGKILL,
          .is_timeout = true,
          .out = std::move(out),
          .err = std::move(err) +
                 "\nit was killed and has not ended: the kernel holds it, as when a disk does not answer\n"};
}

Result<Exit> PosixProcess::run(const Command& command) {
  KELPIE_ASSERT(!command.argv.empty());
  std::erase_if(left_behind_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
  if (left_behind_.size() >= kLeftBehindMax) {
    return fail(Code::Unavailable, fmt::format("{} commands before it hang in the kernel: the device needs a reboot",
                                               left_behind_.size()));
  }
  if (is_stopping_) return fail(Code::Unavailable, "the agent is stopping");
  KELPIE_TRY(Running running, start(command));
  Output out(command.output_bytes_max);
  Output err(command.output_bytes_max);
  std::string_view input = command.input;
  Exit exit;
  int ends = 0;  // TERM and KILL that were sent
  SteadyTime deadline = now() + command.limit;
  while (!wait_once(running, input, out, err, command.on_output)) {
    tell_input(command);
    const bool is_late = now() >= deadline;
    if (!is_late && (ends > 0 || !is_stopping_)) continue;
    if (ends == 2) return leave_behind(running.pid, out.text(), err.text());
    kill(-running.pid, ends++ == 0 ? SIGTERM : SIGKILL);
    exit.is_timeout = true;
    deadline = now() + kill_grace_;
  }
  tell_input(command);
  read_rest(running.out, out, command.on_output);
  read_rest(running.err, err);
  // Whoever it left behind in its group has no business without it. The group's number is ours until it is reaped.
  kill(-running.pid, SIGKILL);
  exit.code = reap(running.pid);
  exit.out = out.text();
  exit.err = err.text();
  return exit;
}

}  // namespace kelpie::agent
