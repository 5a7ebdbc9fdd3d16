// A real program as a child of a test: started by argv, dies with the test, its output kept in files.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kelpie::test {

inline constexpr std::chrono::seconds kPatience{60};  // how long any condition may take before a test gives up

/// Polls until the condition holds; false when the time is up.
[[nodiscard]] bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

struct Finished {
  int code = 0;  // exit code, or 128 + signal
  std::string out;
  std::string err;
};

struct ChildOptions {
  std::vector<std::string> argv;  // argv[0] is a path
  std::vector<std::string> env;   // KEY=value, beside PATH, HOME and LC_ALL
  std::string out_file;           // empty: a temporary file
  std::string err_file;
  std::string in_file;  // empty: nothing to read
  std::string folder;   // it starts there; empty: where the test is
};

class Child {
 public:
  static Child start(const ChildOptions& options);
  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();  // KILL and reap

  [[nodiscard]] bool is_running();
  void signal(int number) const;
  /// The exit code, or 128 + signal; empty when the time is up.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds patience = kPatience);
  void kill_now();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

 private:
  pid_t pid_ = -1;
  std::optional<int> code_;
  std::string out_file_;
  std::string err_file_;
};

/// Runs a program to its end. Fails the test when it takes longer than patience.
Finished run(const ChildOptions& options, std::chrono::milliseconds patience = kPatience);

[[nodiscard]] std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace kelpie::test
