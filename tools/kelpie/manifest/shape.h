// What may stand in a manifest, as data: one table drives validation, suggestions and `kelpie schema`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/kelpie/manifest/yaml_tree.h"

namespace kelpie::cli {

enum class Form {
  Text,         // any one line
  Name,         // RFC 1123 label
  Version,      // letters, digits and . - + _
  Flag,         // true or false
  Count,        // a whole number from 0
  Duration,     // 5m
  Percent,      // 5%
  Size,         // 2GiB
  List,         // of `item`
  Map,          // of `fields`
  TextOrMap,    // a text stands for a map with one field
  TextOrTexts,  // one text or a list of texts
  Choice,       // one of `choices`
  NotYet,       // a rule that is not built: refused, never passed over (rule R28)
};

struct Field {
  std::string_view name;
  Form form = Form::Text;
  std::string_view what;  // for `kelpie schema`
  bool is_required = false;
  std::span<const Field> fields = {};              // of Map, TextOrMap, and of a List's maps
  Form item = Form::Text;                          // of List
  std::span<const std::string_view> choices = {};  // of Choice; of TextOrMap: what the text may be
  std::span<const std::string_view> later = {};    // choices whose rule is not built
  std::span<const std::string_view> also = {};     // what people write instead: they are told the right name
};

/// Everything a document of a kind may hold.
struct Kind {
  std::string_view name;  // Release
  std::string_view what;
  std::span<const Field> fields;
};

/// Reports everything about a map that does not fit: unknown, missing and unbuilt keys, values of another form.
/// path: for messages; empty at the top ("policy.waves[1]").
void check_shape(const YamlNode& map, std::span<const Field> fields, const std::string& path, Report& report);

/// "a list", "a map", "a text", "nothing"
[[nodiscard]] std::string_view form_of(const YamlNode& node);

}  // namespace kelpie::cli
