#include "tools/kelpie/help.h"

#include <algorithm>

#include <fmt/core.h>

#include "tools/kelpie/object.h"
#include "tools/kelpie/parse.h"
#include "tools/kelpie/suggest.h"
#include "tools/kelpie/topics.h"

namespace kelpie::cli {
namespace {

/// Pairs as two columns under a title.
class Page {
 public:
  void title(std::string_view text) {
    if (!blocks_.empty()) blocks_.emplace_back(Line{});
    blocks_.emplace_back(Line{{std::string(text), Tone::Strong}});
  }
  void text(std::string_view lines) {
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size());
      blocks_.emplace_back(Line{{std::string(lines.substr(0, end)), Tone::Plain}});
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
  }
  void pair(std::string_view name, std::string_view what, std::size_t width) {
    blocks_.emplace_back(Line{{fmt::format("  {:<{}}  {}", name, width, what), Tone::Plain}});
  }
  [[nodiscard]] View view() && {
    std::string text;
    for (const Block& block : blocks_) {
      for (const Span& span : std::get<Line>(block)) text += span.text;
      text += '\n';
    }
    return view_of(object_of("Help", {{"text", text}}), std::move(blocks_));
  }

 private:
  std::vector<Block> blocks_;
};

std::string flag_words(const Flag& flag) {
  const std::string letter = flag.letter == 0 ? "   " : fmt::format("-{},", flag.letter);
  return fmt::format("{} --{}{}{}", letter, flag.name, flag.value.empty() ? "" : " ", flag.value);
}

template <typename Rows, typename NameOf>
std::size_t widest(const Rows& rows, const NameOf& name_of) {
  std::size_t out = 0;
  for (const auto& row : rows) out = std::max(out, std::string_view(name_of(row)).size());
  return out;
}

void show_flags(Page& page, std::span<const Flag> flags) {
  std::vector<std::string> names;
  for (const Flag& flag : flags) names.push_back(flag_words(flag));
  const std::size_t width = widest(names, [](const std::string& name) { return std::string_view(name); });
  for (std::size_t i = 0; i < flags.size(); ++i) page.pair(names[i], flags[i].what, width);
}

std::string column_words(const Command& command, bool is_wide) {
  std::string out;
  for (const Column& column : command.columns) {
    if (column.is_wide == is_wide) out.append(out.empty() ? "" : " ").append(column.title);
  }
  return out;
}

std::string_view role_words(api::v1::Role role) {
  if (role == api::v1::VIEWER) return "viewer";
  if (role == api::v1::OPERATOR) return "operator";
  return role == api::v1::ADMIN ? "admin" : "";
}

View command_page(const Command& command) {
  Page page;
  page.text(fmt::format("{}.", command.summary));
  page.text(command.details);
  page.title("USAGE");
  page.text(fmt::format("  {}", usage_of(command)));
  if (!command.examples.empty()) page.title("EXAMPLES");
  for (const std::string_view example : command.examples) page.text(fmt::format("  {}", example));
  if (!command.arguments.empty()) page.title("ARGUMENTS");
  const std::size_t width = widest(command.arguments, [](const Argument& one) { return one.name; });
  for (const Argument& argument : command.arguments) page.pair(argument.name, argument.what, width);
  if (!command.flags.empty()) page.title("FLAGS");
  show_flags(page, command.flags);
  if (!command.columns.empty()) {
    page.title("COLUMNS");
    page.pair(column_words(command, false), "", 0);
    if (const std::string wide = column_words(command, true); !wide.empty()) {
      page.text(fmt::format("  with -o wide: {}", wide));
    }
  }
  page.title("EXIT CODES");
  std::string codes;
  for (const ExitCode code : command.exits) codes += fmt::format("{} ", static_cast<int>(code));
  page.text(fmt::format("  {}and 2 to 6; kelpie help exit-codes", codes));
  if (const std::string_view role = role_words(command.role); !role.empty()) {
    page.text(fmt::format("  Needs the role {}.", role));
  }
  page.text("\n  Flags of every command: kelpie help");
  return std::move(page).view();
}

View group_page(std::span<const Command> commands, const std::string& noun) {
  Page page;
  page.title(fmt::format("kelpie {}", noun));
  std::vector<const Command*> members;
  for (const Command& command : commands) {
    if (command.path.starts_with(noun + " ")) members.push_back(&command);
  }
  const std::size_t width = widest(members, [](const Command* one) { return one->path; });
  for (const Command* command : members) page.pair(command->path, command->summary, width);
  page.text(fmt::format("\nMore: kelpie help {} COMMAND", noun));
  return std::move(page).view();
}

View overview(std::span<const Command> commands) {
  Page page;
  page.text("kelpie drives fleets of MicroK8s devices: kelpie NOUN VERB [arguments] [flags]");
  page.title("COMMANDS");
  for (const std::string& noun : next_words(commands, "")) {
    std::string verbs;
    std::string_view summary;
    for (const std::string& verb : next_words(commands, noun)) verbs.append(verbs.empty() ? "" : " ").append(verb);
    for (const Command& command : commands) {
      if (command.path == noun) summary = command.summary;
    }
    page.pair(noun, verbs.empty() ? summary : std::string_view(verbs), 10);
  }
  page.title("FLAGS OF EVERY COMMAND");
  show_flags(page, global_flags());
  page.title("TOPICS");
  for (const Topic& topic : topics()) page.pair(topic.name, topic.summary, 11);
  page.text("\nStart with: kelpie status, kelpie help device list");
  return std::move(page).view();
}

View topic_page(const Topic& topic) {
  Page page;
  page.text(topic.text);
  if (topic.name != "exit-codes") return std::move(page).view();
  Table table{.columns = {{.title = "CODE", .is_number = true}, {.title = "MEANING"}, {.title = "EXAMPLES"}}};
  for (const ExitRow& row : exit_codes()) {
    table.rows.push_back(
        {{std::to_string(static_cast<int>(row.code))}, {std::string(row.meaning)}, {std::string(row.examples)}});
  }
  return {.message = nullptr, .blocks = {std::move(table)}};
}

}  // namespace

std::vector<std::string> help_topics() {
  std::vector<std::string> out;
  for (const Topic& topic : topics()) out.emplace_back(topic.name);
  return out;
}

Result<View> help_for(std::span<const Command> commands, const std::string& what) {
  if (what.empty()) return overview(commands);
  std::vector<std::string> known = help_topics();
  for (const Command& command : commands) {
    if (command.path == what) return command_page(command);
    known.emplace_back(command.path);
  }
  for (const Topic& topic : topics()) {
    if (topic.name == what) return topic_page(topic);
  }
  if (!next_words(commands, what).empty()) return group_page(commands, what);
  for (const std::string& noun : next_words(commands, "")) known.push_back(noun);
  return fail({.code = Code::NotFound,
               .message = fmt::format("there is no help on \"{}\"{}", what, did_you_mean(what, known)),
               .reason = {},
               .hint = "kelpie help"});
}

}  // namespace kelpie::cli
