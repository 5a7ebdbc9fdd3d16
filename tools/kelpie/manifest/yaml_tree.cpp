#include "tools/kelpie/manifest/yaml_tree.h"

#include <algorithm>
#include <exception>
#include <set>
#include <sstream>

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace kelpie::cli {
namespace {

/// Thrown through yaml-cpp to stop it at a limit; never leaves this file.
class Stopped final : public std::exception {};

Place place_of(const YAML::Mark& mark) {
  if (mark.line < 0 || mark.column < 0) return {};
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

/// Builds one document's tree from yaml-cpp's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Report& report) : report_(report) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    root_ = YamlNode{};
    root_.at = place_of(mark);
    open_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_plain(mark, {}, anchor);
    add(node_at(mark, YamlNode::Kind::Null));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    report_.add(place_of(mark), "aliases are not supported: write the value again");
    add(node_at(mark, YamlNode::Kind::Null));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_plain(mark, tag, anchor);
    YamlNode node = node_at(mark, YamlNode::Kind::Text);
    node.text = value;
    node.is_quoted = tag == "!";  // yaml-cpp's way to say: quoted
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    check_plain(mark, tag, anchor);
    open(node_at(mark, YamlNode::Kind::List));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    check_plain(mark, tag, anchor);
    open(node_at(mark, YamlNode::Kind::Map));
  }
  void OnMapEnd() override { close(); }

  /// After a document was handled whole.
  [[nodiscard]] YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    std::set<std::string> seen;   // keys of a map
    bool is_key_pending = false;  // its key was read, the value comes next
  };

  static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.at = place_of(mark);
    return node;
  }

  void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (++nodes_ > kYamlNodesMax) {
      report_.add(place_of(mark), fmt::format("more than {} values are too many for one file", kYamlNodesMax));
      throw Stopped();
    }
    if (anchor != YAML::NullAnchor) report_.add(place_of(mark), "anchors are not supported: write the value again");
    if (!tag.empty() && tag != "?" && tag != "!") report_.add(place_of(mark), "tags are not supported");
  }

  void open(YamlNode node) {
    if (open_.size() == kYamlDepthMax) {
      report_.add(node.at, fmt::format("nested deeper than {}", kYamlDepthMax));
      throw Stopped();
    }
    if (is_key_expected()) {
      report_.add(node.at, "a key must be one word");
      throw Stopped();
    }
    open_.push_back({.node = std::move(node), .seen = {}, .is_key_pending = false});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    place(std::move(node));
  }

  void add(YamlNode node) {
    if (is_key_expected())
      add_key(std::move(node));
    else
      place(std::move(node));
  }

  [[nodiscard]] bool is_key_expected() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::Map && !open_.back().is_key_pending;
  }

  void add_key(YamlNode node) {
    Open& map = open_.back();
    if (node.kind != YamlNode::Kind::Text) {
      report_.add(node.at, "a key is missing before the colon");
    } else if (node.text == "<<" && !node.is_quoted) {
      report_.add(node.at, "merge keys are not supported: write the values out");
    } else if (!map.seen.insert(node.text).second) {
      report_.add(node.at, fmt::format("\"{}\" is given twice", node.text));
    }
    map.node.keys.push_back({.text = std::move(node.text), .at = node.at});
    map.is_key_pending = true;
  }

  void place(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    open_.back().node.items.push_back(std::move(node));
    open_.back().is_key_pending = false;
  }

  Report& report_;
  YamlNode root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
};

/// True when a line opens a block of literal text: "key: |" or "- >-".
bool opens_literal(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  while (!line.empty() && std::string_view("+-123456789").find(line.back()) != std::string_view::npos) {
    line.remove_suffix(1);
  }
  if (line.empty() || (line.back() != '|' && line.back() != '>')) return false;
  line.remove_suffix(1);
  return line.empty() || line.back() == ' ';
}

/// yaml-cpp passes over tabs in some places and stumbles in others. Literal text may hold them behind its indentation.
void check_tabs(std::string_view text, Report& report) {
  std::size_t literal_indent = std::string_view::npos;  // of the line that opened the literal text
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t blanks = std::min(line.find_first_not_of(' '), line.size());
    const bool is_blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
    if (literal_indent != std::string_view::npos && (is_blank || blanks > literal_indent)) continue;
    literal_indent = opens_literal(line) ? blanks : std::string_view::npos;
    if (!is_blank && blanks < line.size() && line[blanks] == '\t') {
      report.add({number, blanks + 1}, "a tab in the indentation: use blanks");
    }
  }
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Length of the UTF-8 character a text starts with; 0 when it starts with none, or with a control character.
std::size_t character_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return (first >= 0x20 && first != 0x7F) || first == '\n' || first == '\r' || first == '\t' ? 1 : 0;
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool is_outside = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  if (is_overlong || is_outside) return 0;
  const std::string_view rest = text.substr(1, bytes - 1);
  return std::all_of(rest.begin(), rest.end(), is_continuation) ? bytes : 0;
}

bool check_characters(std::string_view text, Report& report) {
  Place at;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (bytes == 0) {
      report.add(at, "not readable: the file must be UTF-8 text without control characters");
      return false;
    }
    at = text.front() == '\n' ? Place{at.line + 1, 1} : Place{at.line, at.column + bytes};
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& one) { return one.text == key; });
  return found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

std::vector<YamlNode> parse_yaml(std::string_view text, Report& report) {
  std::vector<YamlNode> documents;
  if (text.size() > kYamlBytesMax) {
    report.add({}, fmt::format("larger than {} bytes", kYamlBytesMax));
    return documents;
  }
  if (!check_characters(text, report)) return documents;
  const std::size_t before = report.all().errors().size();
  check_tabs(text, report);
  if (report.all().errors().size() != before) return documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(report);
    while (parser.HandleNextDocument(builder)) {
      YamlNode document = builder.take();
      if (document.kind == YamlNode::Kind::Null) continue;
      documents.push_back(std::move(document));
      if (documents.size() > kYamlDocumentsMax) {
        report.add(documents.back().at, fmt::format("more than {} documents in one file", kYamlDocumentsMax));
        break;
      }
    }
  } catch (const Stopped&) {
    return documents;
  } catch (const YAML::Exception& error) {
    report.add(place_of(error.mark), error.msg);
  }
  return documents;
}

}  // namespace kelpie::cli
