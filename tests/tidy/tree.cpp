#include "tests/tidy/tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace kelpie::tidy {
namespace {

constexpr std::string_view kFolders[] = {"proto", "hub", "device-agent", "tools", "tests", "deploy", "cmake", ".ci"};
constexpr std::string_view kTopFiles[] = {"CMakeLists.txt", "README.md", "ARCHITECTURE.md", "CHANGELOG.md",
                                          "CONTRIBUTING.md"};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  while (from < text.size()) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

// Blanks comments and string literals, so that a word in prose is no finding.
std::vector<std::string> strip_prose(const std::vector<std::string>& lines) {
  std::vector<std::string> out;
  bool in_block = false;
  for (const std::string& line : lines) {
    std::string code;
    bool in_string = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string_view rest = std::string_view(line).substr(i);
      if (in_block) {
        if (rest.starts_with("*/")) in_block = false;
      } else if (in_string) {
        if (line[i] == '\\')
          ++i;
        else if (line[i] == '"')
          in_string = false;
      } else if (rest.starts_with("//")) {
        break;
      } else if (rest.starts_with("/*")) {
        in_block = true;
      } else if (line[i] == '"' && !(i > 0 && line[i - 1] == '\'')) {
        in_string = true;
      } else {
        code.push_back(line[i]);
      }
    }
    out.push_back(std::move(code));
  }
  return out;
}

std::vector<std::string> includes_between(const SourceFile& file, char open, char close) {
  std::vector<std::string> out;
  for (const std::string& line : file.lines) {
    if (!line.starts_with("#include ")) continue;
    const std::size_t from = line.find(open);
    const std::size_t to = from == std::string::npos ? from : line.find(close, from + 1);
    if (to != std::string::npos) out.push_back(line.substr(from + 1, to - from - 1));
  }
  return out;
}

}  // namespace

std::vector<SourceFile> read_tree(const std::string& root, const std::vector<std::string_view>& endings) {
  std::vector<SourceFile> files;
  const auto add = [&](const std::filesystem::path& path) {
    const std::string relative = std::filesystem::relative(path, root).generic_string();
    const bool is_wanted =
        std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return relative.ends_with(end); });
    if (!is_wanted || relative.find("node_modules") != std::string::npos) return;
    SourceFile file{.path = relative, .text = read_file(path), .lines = {}, .code = {}};
    file.lines = split_lines(file.text);
    file.code = strip_prose(file.lines);
    files.push_back(std::move(file));
  };
  for (const std::string_view folder : kFolders) {
    const std::filesystem::path base = std::filesystem::path(root) / folder;
    if (!std::filesystem::exists(base)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(base)) {
      if (entry.is_regular_file()) add(entry.path());
    }
  }
  for (const std::string_view name : kTopFiles) {
    const std::filesystem::path path = std::filesystem::path(root) / name;
    if (std::filesystem::exists(path)) add(path);
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

bool starts_with_any(std::string_view text, const std::vector<std::string_view>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

std::vector<std::string> quoted_includes(const SourceFile& file) {
  return includes_between(file, '"', '"');
}
std::vector<std::string> system_includes(const SourceFile& file) {
  return includes_between(file, '<', '>');
}

}  // namespace kelpie::tidy
