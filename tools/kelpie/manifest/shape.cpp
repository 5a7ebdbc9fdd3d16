#include "tools/kelpie/manifest/shape.h"

#include <algorithm>

#include <fmt/core.h>

#include "hub/api/writes.h"
#include "proto/base/ids.h"
#include "tools/kelpie/manifest/scalars.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

std::string in_words(const std::string& path) {
  return path.empty() ? std::string() : " in " + path;
}

const Field* field_named(std::span<const Field> fields, std::string_view name) {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return at == fields.end() ? nullptr : &*at;
}

std::string suggestion(std::string_view name, std::span<const Field> fields) {
  // The names people bring along count too, misspelt or not: "maxFaild" means thresholds.failure.
  std::vector<std::string> candidates;
  for (const Field& field : fields) {
    if (field.form == Form::NotYet) continue;
    candidates.emplace_back(field.name);
    for (const std::string_view other : field.also) candidates.emplace_back(other.substr(0, other.find('=')));
  }
  const std::string near = closest(name, candidates);
  if (near.empty()) return {};
  for (const Field& field : fields) {
    for (const std::string_view other : field.also) {
      const std::size_t equals = other.find('=');
      if (other.substr(0, equals) != near) continue;
      const std::string_view meant = equals == std::string_view::npos ? field.name : other.substr(equals + 1);
      return fmt::format(". Did you mean \"{}\"?", meant);
    }
  }
  return fmt::format(". Did you mean \"{}\"?", near);
}

std::string list_of(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out.append(i + 1 == words.size() ? " or " : ", ");
    out.append(words[i]);
  }
  return out;
}

void check_choice(const YamlNode& node, const Field& field, const std::string& path, Report& report) {
  const std::span<const std::string_view> choices = field.choices;
  if (std::find(field.later.begin(), field.later.end(), node.text) != field.later.end()) {
    report.add(node.at, fmt::format("{}: {} is not supported yet; use {}", path, node.text, list_of(choices)));
    return;
  }
  if (choices.empty() || std::find(choices.begin(), choices.end(), node.text) != choices.end()) return;
  report.add(node.at, fmt::format("{} \"{}\" is not {}{}", path, node.text, list_of(choices),
                                  did_you_mean(node.text, {choices.begin(), choices.end()})));
}

template <typename Parsed>
void check_parsed(const Result<Parsed>& parsed, const YamlNode& node, const std::string& path, Report& report) {
  if (!parsed) report.add(node.at, fmt::format("{} {}", path, parsed.error().message));
}

/// What a text must look like; false when the form is not one of a text.
bool check_text(const YamlNode& node, const Field& field, Form form, const std::string& path, Report& report) {
  switch (form) {
    case Form::Text:
      if (node.text.empty()) report.add(node.at, fmt::format("{} is empty", path));
      if (node.text.find_first_of("\n\r\t") != std::string::npos) report.add(node.at, path + " is more than one line");
      return true;
    case Form::Name:
      if (!is_name(node.text)) {
        report.add(node.at, fmt::format("{} \"{}\" is not a name: use 1 to 63 lower-case letters, digits and dashes",
                                        path, node.text));
      }
      return true;
    case Form::Version:
      if (!hub::is_version(node.text)) {
        report.add(node.at,
                   fmt::format("{} \"{}\" is not a version: use letters, digits and . - + _", path, node.text));
      }
      return true;
    case Form::Flag:
      if (node.is_quoted || (node.text != "true" && node.text != "false")) {
        report.add(node.at, fmt::format("{} \"{}\" is neither true nor false", path, node.text));
      }
      return true;
    case Form::Count: check_parsed(parse_count(node.text), node, path, report); return true;
    case Form::Duration: check_parsed(parse_seconds(node.text), node, path, report); return true;
    case Form::Percent: check_parsed(parse_percent(node.text), node, path, report); return true;
    case Form::Size: check_parsed(parse_size(node.text), node, path, report); return true;
    case Form::Choice:
    case Form::TextOrMap: check_choice(node, field, path, report); return true;
    case Form::TextOrTexts: return true;
    case Form::List:
    case Form::Map:
    case Form::NotYet: return false;
  }
  return false;
}

std::string_view wanted(Form form) {
  switch (form) {
    case Form::List: return "a list";
    case Form::Map: return "a map";
    case Form::TextOrMap: return "a text or a map";
    case Form::TextOrTexts: return "a text or a list of texts";
    case Form::Text:
    case Form::Name:
    case Form::Version:
    case Form::Flag:
    case Form::Count:
    case Form::Duration:
    case Form::Percent:
    case Form::Size:
    case Form::Choice:
    case Form::NotYet: return "a text";
  }
  return "a text";
}

void check_value(const YamlNode& node, const Field& field, Form form, const std::string& path, Report& report) {
  const bool takes_map = form == Form::Map || form == Form::TextOrMap;
  const bool takes_list = form == Form::List || form == Form::TextOrTexts;
  if (node.kind == YamlNode::Kind::Text && check_text(node, field, form, path, report)) return;
  if (node.kind == YamlNode::Kind::Map && takes_map) {
    check_shape(node, field.fields, path, report);
  } else if (node.kind == YamlNode::Kind::List && takes_list) {
    const Form item = form == Form::List ? field.item : Form::Text;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      check_value(node.items[i], field, item, fmt::format("{}[{}]", path, i), report);
    }
  } else {
    report.add(node.at, fmt::format("{} is {}, expected {}", path, form_of(node), wanted(form)));
  }
}

}  // namespace

std::string_view form_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null: return "empty";
    case YamlNode::Kind::Text: return "a text";
    case YamlNode::Kind::List: return "a list";
    case YamlNode::Kind::Map: return "a map";
  }
  return "empty";
}

void check_shape(const YamlNode& map, std::span<const Field> fields, const std::string& path, Report& report) {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const YamlNode::Key& key = map.keys[i];
    const Field* field = field_named(fields, key.text);
    if (field == nullptr) {
      report.add(key.at,
                 fmt::format("unknown field \"{}\"{}{}", key.text, in_words(path), suggestion(key.text, fields)));
    } else if (field->form == Form::NotYet) {
      report.add(key.at, fmt::format("{} is not supported yet ({})", joined(path, key.text), field->what));
    } else {
      check_value(map.items[i], *field, field->form, joined(path, key.text), report);
    }
  }
  for (const Field& field : fields) {
    if (!field.is_required || map.find(field.name) != nullptr) continue;
    report.add(map.at, fmt::format("field \"{}\" is missing{}", field.name, in_words(path)));
  }
}

}  // namespace kelpie::cli
