#include "tools/kelpie/manifest/problems.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::cli {
namespace {

std::vector<Problem> sorted(std::vector<Problem> problems) {
  std::sort(problems.begin(), problems.end());
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
  return problems;
}

}  // namespace

std::string to_string(const Problem& problem) {
  return fmt::format("{}:{}:{}: {}", problem.file, problem.at.line, problem.at.column, problem.what);
}

void Problems::add(std::string file, Place at, std::string what) {
  errors_.push_back({std::move(file), at, std::move(what)});
}

void Problems::warn(std::string file, Place at, std::string what) {
  warnings_.push_back({std::move(file), at, std::move(what)});
}

std::vector<Problem> Problems::errors() const {
  return sorted(errors_);
}

std::vector<Problem> Problems::warnings() const {
  return sorted(warnings_);
}

Error error_of(const Problems& problems) {
  const std::vector<Problem> errors = problems.errors();
  KELPIE_ASSERT(!errors.empty());
  Error out{.code = Code::InvalidArgument, .message = {}, .reason = "MANIFEST", .hint = {}};
  for (const Problem& problem : errors) out.message.append(to_string(problem)).append("\n");
  out.message.append(errors.size() == 1 ? "1 problem" : fmt::format("{} problems", errors.size()));
  out.message.append(", nothing was changed");
  return out;
}

}  // namespace kelpie::cli
