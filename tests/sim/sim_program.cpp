#include "tests/sim/sim_program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

constexpr const char* kProgram = KELPIE_BIN_DIR "/kelpie-sim";

}  // namespace

SimProgram::SimProgram(const std::string& broker_url, const std::string& trust_file,
                       const std::vector<std::string>& flags) {
  const std::string fifo = dir_ / "orders";
  EXPECT_EQ(mkfifo(fifo.c_str(), S_IRUSR | S_IWUSR), 0);
  std::vector<std::string> argv{kProgram, "--broker", broker_url, "--trust", trust_file};
  argv.insert(argv.end(), flags.begin(), flags.end());
  child_ = Child::start({.argv = std::move(argv), .env = {}, .out_file = {}, .err_file = {}, .in_file = fifo});
  orders_ = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
}

bool SimProgram::is_ready(std::chrono::milliseconds patience) {
  const auto says_so = [&] { return child_.out().find("ready: ") != std::string::npos; };
  static_cast<void>(eventually([&] { return says_so() || !child_.is_running(); }, patience));
  return says_so();
}

std::string SimProgram::order(const std::string& line) {
  const std::size_t out_before = child_.out().size();
  const std::size_t err_before = child_.err().size();
  const std::string bytes = line + "\n";
  EXPECT_EQ(write(orders_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  std::string answer;
  static_cast<void>(eventually([&] {
    answer = child_.out().substr(out_before) + child_.err().substr(err_before);
    return answer.find('\n') != std::string::npos;
  }));
  return answer;
}

std::vector<std::string> sim_roster(std::size_t count, std::uint64_t seed) {
  const Finished listed =
      run({.argv = {kProgram, "list", "--count", std::to_string(count), "--seed", std::to_string(seed)},
           .env = {},
           .out_file = {},
           .err_file = {},
           .in_file = {}});
  EXPECT_EQ(listed.code, 0) << listed.err;
  std::vector<std::string> lines;
  std::istringstream text(listed.out);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace kelpie::test
