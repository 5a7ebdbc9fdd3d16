// The source tree as text, read once: what the house rules are checked against.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kelpie::tidy {

struct SourceFile {
  std::string path;  // from the repository's root, with slashes
  std::string text;
  std::vector<std::string> lines;
  std::vector<std::string> code;  // lines without comments and string literals, same numbering
};

/// Every file below our folders whose name ends in one of the endings, sorted by path.
std::vector<SourceFile> read_tree(const std::string& root, const std::vector<std::string_view>& endings);

bool starts_with_any(std::string_view text, const std::vector<std::string_view>& prefixes);

/// Paths in quotes of #include lines.
std::vector<std::string> quoted_includes(const SourceFile& file);
/// Names in angle brackets of #include lines.
std::vector<std::string> system_includes(const SourceFile& file);

}  // namespace kelpie::tidy
