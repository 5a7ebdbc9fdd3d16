// What is wrong with manifests, collected: a person corrects everything in one go, or nothing was changed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proto/base/result.h"

namespace kelpie::cli {

struct Place {
  std::size_t line = 1;
  std::size_t column = 1;  // in bytes, as compilers count
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct Problem {
  std::string file;
  Place at;
  std::string what;  // lower case; may end in a suggestion: "… . Did you mean \"x\"?"
  friend auto operator<=>(const Problem&, const Problem&) = default;
};

/// "kiosk.yaml:14:5: unknown field …"
[[nodiscard]] std::string to_string(const Problem& problem);

/// Errors and warnings of any number of files.
class Problems {
 public:
  void add(std::string file, Place at, std::string what);
  void warn(std::string file, Place at, std::string what);
  [[nodiscard]] bool empty() const { return errors_.empty(); }
  /// Sorted by file and place, each once.
  [[nodiscard]] std::vector<Problem> errors() const;
  [[nodiscard]] std::vector<Problem> warnings() const;

 private:
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
};

/// Every error on a line of its own, and "3 problems, nothing was changed" as the last one.
[[nodiscard]] Error error_of(const Problems& problems);

/// Problems of one file.
class Report {
 public:
  Report(std::string file, Problems& problems) : file_(std::move(file)), problems_(problems) {}
  void add(Place at, std::string what) { problems_.add(file_, at, std::move(what)); }
  void warn(Place at, std::string what) { problems_.warn(file_, at, std::move(what)); }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] Problems& all() { return problems_; }

 private:
  std::string file_;
  Problems& problems_;
};

}  // namespace kelpie::cli
