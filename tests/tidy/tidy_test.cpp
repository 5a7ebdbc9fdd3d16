// House rules that no compiler checks. Each finding names file, line and rule.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/tidy/tree.h"

namespace kelpie::tidy {
namespace {

constexpr std::size_t kLineLengthMax = 120;  // .clang-format
constexpr std::size_t kFileLinesMax = 600;   // style guide: 400 asks for a split, 600 fails
constexpr std::size_t kMainLinesMax = 100;
constexpr std::string_view kListsOfRefusals = "tests/proto/frame_test.cpp";  // names each code and causes few

const std::vector<SourceFile>& cpp_files() {
  static const std::vector<SourceFile> files = read_tree(KELPIE_SOURCE_DIR, {".cpp", ".h"});
  return files;
}

std::string joined(const std::vector<std::string>& findings) {
  std::string out;
  for (const std::string& finding : findings) out += finding + "\n";
  return out;
}

struct IncludeRule {
  std::string_view folder;
  std::vector<std::string_view> allowed;  // prefixes of quoted includes
};

TEST(Tidy, FoldersIncludeOnlyWhatTheyMay) {
  const std::vector<IncludeRule> rules = {
      {"proto/base/", {"proto/base/"}},
      {"proto/wire/", {"proto/base/", "proto/wire/"}},
      {"hub/core/", {"proto/base/", "hub/core/"}},
      {"hub/", {"proto/", "hub/"}},
      {"device-agent/core/", {"proto/base/", "device-agent/core/"}},
      {"device-agent/", {"proto/", "device-agent/"}},
  };
  std::vector<std::string> findings;
  for (const SourceFile& file : cpp_files()) {
    for (const IncludeRule& rule : rules) {
      if (!file.path.starts_with(rule.folder)) continue;
      for (const std::string& include : quoted_includes(file)) {
        if (!starts_with_any(include, rule.allowed))
          findings.push_back(fmt::format("{}: may not include {}", file.path, include));
      }
      break;
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Tidy, EachHeavyLibraryHasOneIncluder) {
  struct Heavy {
    std::string_view prefix;
    std::string_view only;
  };
  const std::vector<Heavy> heavies = {
      {"rocksdb/", "hub/store/rocks_kv.cpp"},
      {"mqtt/", "proto/wire/mqtt_bus.cpp"},
      {"MQTTAsync", "proto/wire/mqtt_bus.cpp"},
      {"curl/", "proto/wire/http_client.cpp"},
      {"microhttpd", "hub/api/"},
      {"CLI/", "tools/kelpie/"},
      {"yaml-cpp/", "tools/kelpie/"},
      {"mosquitto.h", "tools/sim/"},
      {"openssl/", "device-agent/microk8s/x509.cpp"},
  };
  std::vector<std::string> findings;
  for (const Heavy& heavy : heavies) {
    std::vector<std::string> includers;
    for (const SourceFile& file : cpp_files()) {
      for (const std::string& include : system_includes(file)) {
        if (!include.starts_with(heavy.prefix) || file.path.starts_with("tests/")) continue;
        if (includers.empty() || includers.back() != file.path) includers.push_back(file.path);
        if (!file.path.starts_with(heavy.only))
          findings.push_back(fmt::format("{}: only {} may include <{}…>", file.path, heavy.only, heavy.prefix));
      }
    }
    if (includers.size() > 1)
      findings.push_back(fmt::format("<{}…> is included by {} files, the first two: {}, {}", heavy.prefix,
                                     includers.size(), includers[0], includers[1]));
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

// The precompiled header of dev has it; release is built without.
TEST(Tidy, WhoFormatsIncludesFmt) {
  const std::regex use(R"(\bfmt::)");
  std::vector<std::string> findings;
  for (const SourceFile& file : cpp_files()) {
    const std::vector<std::string> includes = system_includes(file);
    const auto is_fmt = [](const std::string& include) { return include.starts_with("fmt/"); };
    if (std::any_of(includes.begin(), includes.end(), is_fmt)) continue;
    const auto line = std::find_if(file.code.begin(), file.code.end(),
                                   [&](const std::string& code) { return std::regex_search(code, use); });
    if (line != file.code.end())
      findings.push_back(fmt::format("{}:{}: include <fmt/core.h>", file.path, line - file.code.begin() + 1));
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Tidy, PureCoresNameNoClockThreadOrFile) {
  const std::regex banned(
      R"(std::(thread|jthread|mutex|atomic|filesystem|ofstream|ifstream|unordered_\w+|random_device|\w+_distribution)|system_clock|steady_clock|\bgetenv\b|\bprintf\b)");
  std::vector<std::string> findings;
  for (const SourceFile& file : cpp_files()) {
    if (!starts_with_any(file.path, {"hub/core/", "device-agent/core/"})) continue;
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      if (std::regex_search(file.code[i], banned))
        findings.push_back(fmt::format("{}:{}: {}", file.path, i + 1, file.lines[i]));
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Tidy, ProtobufStaysAtTheBorders) {
  std::vector<std::string> findings;
  for (const SourceFile& file : cpp_files()) {
    if (starts_with_any(file.path, {"tests/", "tools/", "proto/wire/", "hub/api/", "hub/records/"})) continue;
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    if (starts_with_any(name, {"inbound", "outbound", "records"})) continue;
    for (const std::string& include : quoted_includes(file)) {
      if (include.ends_with(".pb.h")) findings.push_back(fmt::format("{}: may not include {}", file.path, include));
    }
    for (const std::string& include : system_includes(file)) {
      if (include.ends_with(".pb.h")) findings.push_back(fmt::format("{}: may not include {}", file.path, include));
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Tidy, NoBannedCallsOrNames) {
  struct Ban {
    std::string_view why;
    std::regex pattern;
    bool also_tests;
  };
  const std::vector<Ban> bans = {
      {"no shell, ever", std::regex(R"((^|[^.\w>])(system|popen)\()"), true},
      {"wait for a condition with a deadline, do not sleep",
       std::regex(R"(sleep_for|sleep_until|\busleep\(|\bsleep\()"), true},
      {"no using namespace",
       std::regex(R"(^\s*using namespace (?!std::(literals|chrono_literals|string_literals|string_view_literals)))"),
       true},
      {"drawer name", std::regex(R"(\b(class|struct) \w*(Manager|Helper|Utils?|Handler|Processor|Impl)\b)"), true},
      {"std::format and std::expected are not in g++ 12", std::regex(R"(std::(format|expected)\b)"), true},
      {"randomness comes through Entropy", std::regex(R"(\b(rand|srand)\(|std::mt19937)"), false},
  };
  std::vector<std::string> findings;
  for (const SourceFile& file : cpp_files()) {
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      for (const Ban& ban : bans) {
        if (!ban.also_tests && file.path.starts_with("tests/")) continue;
        if (std::regex_search(file.code[i], ban.pattern))
          findings.push_back(fmt::format("{}:{}: {}: {}", file.path, i + 1, ban.why, file.lines[i]));
      }
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Tidy, FilesStaySmallAndSayWhatTheyAreFor) {
  std::vector<std::string> findings;
  for (const SourceFile& file : cpp_files()) {
    const std::size_t limit = file.path.ends_with("/main.cpp") ? kMainLinesMax : kFileLinesMax;
    if (file.lines.size() > limit)
      findings.push_back(fmt::format("{}: {} lines, at most {}", file.path, file.lines.size(), limit));
    if (file.path.ends_with(".h") && (file.lines.empty() || !file.lines.front().starts_with("//"))) {
      findings.push_back(fmt::format("{}: opens without a comment that says what it is for", file.path));
    }
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (file.lines[i].size() > kLineLengthMax && file.lines[i].find("http") == std::string::npos &&
          file.lines[i].find("R\"") == std::string::npos) {
        // Bytes, not characters: a line of arrows or bars may look shorter.
        if (std::count_if(file.lines[i].begin(), file.lines[i].end(), [](char c) {
              return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
            }) > static_cast<long>(kLineLengthMax)) {
          findings.push_back(fmt::format("{}:{}: longer than {}", file.path, i + 1, kLineLengthMax));
        }
      }
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Tidy, EverySourceIsInABuildList) {
  std::string lists;
  for (const SourceFile& file : read_tree(KELPIE_SOURCE_DIR, {"CMakeLists.txt"})) lists += file.text;
  std::vector<std::string> findings;
  for (const SourceFile& file : cpp_files()) {
    if (!file.path.ends_with(".cpp")) continue;
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    if (lists.find(name) == std::string::npos) findings.push_back(fmt::format("{}: in no CMakeLists.txt", file.path));
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

/// Words by which our sources tell one refusal from another, each with the file that says it.
std::map<std::string, std::string> refusal_words() {
  const std::vector<std::regex> places = {std::regex(R"re("(E_[A-Z_]+)")re"),
                                          std::regex(R"re(\.reason = "([A-Z_]+)")re"),
                                          std::regex(R"re(\bkReason\w+ = "([A-Z_]+)")re"),
                                          std::regex(R"re(\bproblem\(Code::\w+,\s*"([A-Z_]+)")re"),
                                          std::regex(R"re(\bReasonRow\{Reason::\w+, "([a-z0-9-]+)")re"),
                                          std::regex(R"re(\bfail_(?:wave|target)\([^";]*"([a-z_-]+)")re")};
  std::map<std::string, std::string> words;
  for (const SourceFile& file : cpp_files()) {
    if (!starts_with_any(file.path, {"proto/", "hub/", "device-agent/", "tools/kelpie/"})) continue;
    for (const std::regex& place : places) {
      for (std::sregex_iterator at(file.text.begin(), file.text.end(), place); at != std::sregex_iterator(); ++at)
        words.emplace((*at)[1], file.path);
    }
  }
  return words;
}

/// In a string of a test, and not as a part of a longer word.
bool is_in_a_string(const std::string& text, const std::string& word) {
  const auto is_part = [&](std::size_t at) {
    return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_');
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const std::size_t line = text.rfind('\n', at) + 1;
    const bool is_word = (at == 0 || !is_part(at - 1)) && !is_part(at + word.size());
    if (is_word && text.find('"', line) < at) return true;
  }
  return false;
}

TEST(Tidy, EachRefusalIsAskedForInATest) {
  const std::map<std::string, std::string> words = refusal_words();
  EXPECT_GT(words.size(), 100U) << "the places where refusals get their words have changed";
  std::vector<std::string> findings;
  for (const auto& [word, path] : words) {
    const bool is_tested = std::ranges::any_of(cpp_files(), [&](const SourceFile& file) {
      return file.path.starts_with("tests/") && file.path != kListsOfRefusals && is_in_a_string(file.text, word);
    });
    if (!is_tested) findings.push_back(fmt::format("{}: {} is in no test", path, word));
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Tidy, LinksInMarkdownLeadSomewhere) {
  const std::regex link(R"(\]\(([^)#\s]+)[^)]*\))");
  std::vector<std::string> findings;
  for (const SourceFile& file : read_tree(KELPIE_SOURCE_DIR, {".md"})) {
    const std::filesystem::path folder = (std::filesystem::path(KELPIE_SOURCE_DIR) / file.path).parent_path();
    for (auto at = std::sregex_iterator(file.text.begin(), file.text.end(), link); at != std::sregex_iterator(); ++at) {
      const std::string target = (*at)[1];
      if (target.find("://") != std::string::npos) continue;
      if (!std::filesystem::exists(folder / target))
        findings.push_back(fmt::format("{}: link to {} leads nowhere", file.path, target));
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

}  // namespace
}  // namespace kelpie::tidy
