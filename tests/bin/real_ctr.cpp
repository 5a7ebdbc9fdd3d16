#include "tests/bin/real_ctr.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "proto/base/fd.h"
#include "tests/bin/file_cell.h"

namespace kelpie::test {
namespace {

constexpr const char* kName = "/ctr.argv";
constexpr int kNotFound = 127;
constexpr int kSignalBase = 128;

/// out: where its output goes; negative: where ours goes.
pid_t start(std::vector<std::string>& argv, int out) {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  posix_spawn_file_actions_t files{};
  posix_spawn_file_actions_init(&files);
  if (out >= 0) posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, words.front(), &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  return error == 0 ? pid : -1;
}

int wait_for(pid_t pid) {
  if (pid < 0) return kNotFound;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFSIGNALED(status) ? kSignalBase + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string read_all(const Fd& from) {
  std::string text;
  std::array<char, 4'096> block{};
  for (ssize_t got = 0; (got = read(from.get(), block.data(), block.size())) > 0;)
    text.append(block.data(), static_cast<std::size_t>(got));
  return text;
}

}  // namespace

void write_real_ctr(const std::string& folder, const std::vector<std::string>& argv) {
  std::string lines;
  for (const std::string& word : argv) lines += word + "\n";
  write_whole(folder + kName, lines);
}

std::vector<std::string> read_real_ctr(const std::string& folder) {
  std::istringstream lines(read_text(folder + kName));
  std::vector<std::string> argv;
  for (std::string word; std::getline(lines, word);) argv.push_back(word);
  return argv;
}

int run_real_ctr(std::vector<std::string> argv, const std::vector<std::string>& words) {
  argv.insert(argv.end(), words.begin(), words.end());
  return wait_for(start(argv, -1));
}

std::vector<std::string> names_changed_by(const std::vector<std::string>& argv) {
  constexpr std::size_t kVerbAt = 3;  // microk8s ctr image VERB
  if (argv.size() <= kVerbAt) return {};
  const std::string& verb = argv[kVerbAt];
  if (verb == "tag") return {argv.back()};
  if (verb != "rm") return {};
  std::vector<std::string> names(argv.begin() + kVerbAt + 1, argv.end());
  std::erase_if(names, [](const std::string& word) { return word.starts_with('-'); });
  return names;
}

std::map<std::string, sim::Image> real_images(std::vector<std::string> argv, const std::vector<std::string>& names,
                                              const std::string& platform) {
  argv.insert(argv.end(), {"image", "check"});
  for (const std::string& name : names) argv.push_back("name==" + name);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const pid_t pid = start(argv, writing.get());
  writing.reset();
  std::istringstream table(read_all(reading));
  if (wait_for(pid) != 0) return {};
  std::map<std::string, sim::Image> images;
  for (std::string line; std::getline(table, line);) {
    // REF TYPE DIGEST STATUS (n/m) SIZE UNPACKED: a listing of names says 0 for what is incomplete too.
    std::istringstream words(line);
    std::string ref, type, digest, status;
    words >> ref >> type >> digest >> status;
    if (!digest.starts_with("sha256:")) continue;
    images[ref] = {.digest = digest,
                   .platform = platform,
                   .is_complete = status == "complete" && line.find("true", line.find(status)) != std::string::npos};
  }
  return images;
}

}  // namespace kelpie::test
