// The command table as a whole: what help promises, the parser takes; what is typed wrongly, ends with 2.
#include <map>
#include <set>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/help.h"
#include "tools/kelpie/layout.h"
#include "tools/kelpie/parse.h"

namespace kelpie::cli {
namespace {

using ::testing::HasSubstr;

/// As a shell cuts a line into words: blanks, single and double quotes; what stands behind a pipe is another command.
std::vector<std::vector<std::string>> shell_words(std::string_view line) {
  std::vector<std::vector<std::string>> commands(1);
  std::string word;
  bool is_word = false;
  char quote = 0;
  const auto end_word = [&] {
    if (is_word) commands.back().push_back(word);
    word.clear();
    is_word = false;
  };
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word.push_back(c);
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      is_word = true;
    } else if (c == '|') {
      end_word();
      commands.emplace_back();
    } else if (c == ' ') {
      end_word();
    } else {
      word.push_back(c);
      is_word = true;
    }
  }
  end_word();
  return commands;
}

TEST(CommandTable, EveryExampleIsTaken) {
  const std::vector<Command> commands = all_commands();
  for (const Command& command : commands) {
    if (command.path.starts_with("__")) continue;
    EXPECT_FALSE(command.examples.empty()) << command.path;
    for (const std::string_view example : command.examples) {
      bool is_about_it = false;
      for (std::vector<std::string> words : shell_words(example)) {
        if (words.empty() || words.front() != "kelpie") continue;
        words.erase(words.begin());
        const Result<Parsed> parsed = parse(commands, words);
        EXPECT_TRUE(parsed) << example << ": " << (parsed ? "" : parsed.error().message);
        is_about_it = is_about_it || (parsed && parsed->command == &command);
      }
      EXPECT_TRUE(is_about_it) << example << " is no example of " << command.path;
    }
  }
}

TEST(CommandTable, WrongFlagsAndArgumentsAreUsageErrors) {
  const std::vector<Command> commands = all_commands();
  for (const Command& command : commands) {
    std::vector<std::string> words = shell_words(command.path).front();
    words.push_back("--no-such-flag");
    const Result<Parsed> flag = parse(commands, words);
    ASSERT_FALSE(flag) << command.path;
    EXPECT_EQ(exit_code_of(flag.error()), ExitCode::Usage);
    const bool is_endless = !command.arguments.empty() && (command.arguments.back().count == Count::Any ||
                                                           command.arguments.back().count == Count::OneOrMore);
    if (is_endless) continue;
    words.back() = "one";
    for (std::size_t i = 0; i < command.arguments.size(); ++i) words.push_back("more");
    const Result<Parsed> many = parse(commands, words);
    ASSERT_FALSE(many) << command.path;
    EXPECT_EQ(exit_code_of(many.error()), ExitCode::Usage);
  }
}

TEST(CommandTable, AFlagTakesAValueEverywhereOrNowhere) {
  std::map<std::string_view, bool> takes_value;
  std::map<char, std::string_view> letters;
  const auto check = [&](const Flag& flag, std::string_view where) {
    EXPECT_EQ(takes_value.emplace(flag.name, !flag.value.empty()).first->second, !flag.value.empty())
        << where << " --" << flag.name;
    if (flag.letter != 0) {
      EXPECT_EQ(letters.emplace(flag.letter, flag.name).first->second, flag.name) << where << " -" << flag.letter;
    }
  };
  for (const Flag& flag : global_flags()) check(flag, "everywhere");
  for (const Command& command : all_commands()) {
    for (const Flag& flag : command.flags) check(flag, command.path);
  }
}

TEST(CommandTable, PathsAreDistinctAndDescribed) {
  std::set<std::string_view> paths;
  for (const Command& command : all_commands()) {
    EXPECT_TRUE(paths.insert(command.path).second) << command.path;
    EXPECT_FALSE(command.summary.empty()) << command.path;
    EXPECT_NE(command.summary.back(), '.') << command.path;
    EXPECT_NE(command.run, nullptr) << command.path;
    for (std::size_t i = 0; i + 1 < command.arguments.size(); ++i) {
      EXPECT_TRUE(command.arguments[i].count == Count::One || command.arguments[i].count == Count::Optional)
          << command.path;
    }
  }
}

TEST(CommandTable, EveryHelpPageFitsAScreenAndShowsItsFlags) {
  constexpr std::ptrdiff_t kScreen = 60;  // lines of a usual window
  const std::vector<Command> commands = all_commands();
  for (const Command& command : commands) {
    const Result<View> page = help_for(commands, std::string(command.path));
    ASSERT_TRUE(page) << command.path;
    const Result<std::string> text = draw(page->blocks, {}, {});
    ASSERT_TRUE(text);
    EXPECT_LE(std::count(text->begin(), text->end(), '\n'), kScreen) << command.path;
    for (const Flag& flag : command.flags) EXPECT_THAT(*text, HasSubstr(fmt::format("--{}", flag.name)));
    EXPECT_THAT(*text, HasSubstr(usage_of(command)));
  }
  for (const std::string& topic : help_topics()) EXPECT_TRUE(help_for(commands, topic)) << topic;
  EXPECT_FALSE(help_for(commands, "nonsense"));
}

TEST(Parse, FlagsMayStandAnywhereInAllTheirForms) {
  const std::vector<Command> commands = all_commands();
  for (const std::vector<std::string>& words :
       std::initializer_list<std::vector<std::string>>{{"--output", "json", "device", "list", "-l", "a=b", "-vv"},
                                                       {"-o", "json", "device", "-l", "a=b", "list", "-v", "-v"},
                                                       {"-ojson", "-vv", "device", "list", "--selector=a=b"}}) {
    const Result<Parsed> parsed = parse(commands, words);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->command->path, "device list");
    std::multimap<std::string, std::string> typed;
    for (const Typed::Value& value : parsed->typed.flags) typed.emplace(value.flag, value.text);
    EXPECT_EQ(typed.find("output")->second, "json");
    EXPECT_EQ(typed.find("selector")->second, "a=b");
    EXPECT_EQ(typed.count("verbose"), 2U);
  }
}

TEST(Parse, WhatStandsBehindTwoDashesIsNoFlag) {
  const Result<Parsed> parsed = parse(all_commands(), {"device", "label", "pi-1", "--", "-odd", "a=b"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->typed.arguments, (std::vector<std::string>{"pi-1", "-odd", "a=b"}));
}

TEST(Parse, ASwitchTakesNoValue) {
  const Result<Parsed> parsed = parse(all_commands(), {"status", "--exit-code=maybe"});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().reason, "USAGE");
}

TEST(ExitCodes, AreWhatTheDesignSays) {
  std::map<int, std::string_view> rows;
  for (const ExitRow& row : exit_codes()) rows.emplace(static_cast<int>(row.code), row.meaning);
  std::vector<int> numbers;
  for (const auto& [number, meaning] : rows) numbers.push_back(number);
  EXPECT_EQ(numbers, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 124, 130}));
  EXPECT_EQ(exit_code_of({.code = Code::NotFound, .message = "x"}), ExitCode::NotFound);
  EXPECT_EQ(exit_code_of({.code = Code::Conflict, .message = "x", .reason = "STALE"}), ExitCode::Conflict);
  EXPECT_EQ(exit_code_of({.code = Code::PermissionDenied, .message = "x"}), ExitCode::NotAllowed);
  EXPECT_EQ(exit_code_of({.code = Code::Unavailable, .message = "a file of our own"}), ExitCode::Bad);
  EXPECT_EQ(exit_code_of({.code = Code::Unavailable, .message = "x", .reason = "BUSY"}), ExitCode::Unreachable);
  EXPECT_EQ(exit_code_of({.code = Code::FailedPrecondition, .message = "x", .reason = std::string(kReasonDeclined)}),
            ExitCode::EndedOnPurpose);
  EXPECT_EQ(exit_code_of({.code = Code::DeadlineExceeded, .message = "x", .reason = std::string(kReasonWaitEnded)}),
            ExitCode::TimedOut);
  EXPECT_EQ(exit_code_of({.code = Code::Internal, .message = "x"}), ExitCode::OurBug);
}

}  // namespace
}  // namespace kelpie::cli
