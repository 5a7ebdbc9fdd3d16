#include "tools/kelpie/manifest/json_schema.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "proto/wire/addons.h"
#include "tools/kelpie/manifest/tables.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

using Json = nlohmann::ordered_json;

Json schema_of(const Field& field, Form form);

Json object_schema(std::span<const Field> fields) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Field& field : fields) {
    if (field.form == Form::NotYet) continue;
    properties[std::string(field.name)] = schema_of(field, field.form);
    if (field.is_required) required.push_back(field.name);
  }
  Json out = {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}

Json text_schema(std::string_view pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

Json bare_schema(const Field& field, Form form) {
  switch (form) {
    case Form::Name: return text_schema("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$");
    case Form::Version: return text_schema("^[A-Za-z0-9][A-Za-z0-9.+_-]{0,62}$");
    case Form::Flag: return {{"type", "boolean"}};
    case Form::Count: return {{"type", "integer"}, {"minimum", 0}};
    case Form::Duration: return text_schema("^([0-9]+(d|h|m|s))+$");
    case Form::Percent: return text_schema("^[0-9]+(\\.[0-9]{1,2})?%$");
    case Form::Size: return text_schema("^[0-9]+(KiB|MiB|GiB|TiB|MB|GB)?$");
    case Form::Map: return object_schema(field.fields);
    case Form::List: return {{"type", "array"}, {"items", bare_schema(field, field.item)}};
    case Form::Choice: return {{"type", "string"}, {"enum", field.choices}};
    case Form::TextOrMap: {
      Json text = {{"type", "string"}};
      if (!field.choices.empty()) text["enum"] = field.choices;
      return {{"anyOf", Json::array({std::move(text), object_schema(field.fields)})}};
    }
    case Form::TextOrTexts: {
      Json text = {{"type", "string"}};
      Json texts = {{"type", "array"}, {"items", text}};
      return {{"anyOf", Json::array({std::move(text), std::move(texts)})}};
    }
    case Form::Text:
    case Form::NotYet: return {{"type", "string"}};
  }
  return {{"type", "string"}};
}

Json schema_of(const Field& field, Form form) {
  Json out = {{"description", field.what}};
  out.update(bare_schema(field, form));
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

tl::unexpected<Error> unknown(std::string_view word, std::string_view where,
                              const std::vector<std::string>& candidates) {
  return fail(Code::NotFound, fmt::format("{} has no \"{}\"{}", where, word, did_you_mean(word, candidates)));
}

std::vector<std::string> names_of(std::span<const Field> fields) {
  std::vector<std::string> names;
  for (const Field& one : fields) {
    if (one.form != Form::NotYet) names.emplace_back(one.name);
  }
  return names;
}

Json row_of(const wire::AddonRow& row) {
  if (!row.stands_for.empty()) return {{"taken", true}, {"as", row.stands_for}};
  if (!row.refused.empty()) return {{"taken", false}, {"why", row.refused}};
  Json out = {{"taken", true}};
  const auto say = [&](std::string_view key, std::string_view text) {
    if (!text.empty()) out[std::string(key)] = text;
  };
  say("args", row.arguments);
  if (row.first_minor != wire::kNoMinor) out["since"] = fmt::format("1.{}", row.first_minor);
  if (row.last_minor != wire::kAnyMinor) out["until"] = fmt::format("1.{}", row.last_minor);
  say("architecture", row.architecture);
  say("confinement", row.is_classic_only ? "classic" : "");
  say("proof", row.proof);
  say("internet", row.internet);
  if (row.internet_since != 0) out["internetSince"] = fmt::format("1.{}", row.internet_since);
  for (const std::string_view other : row.brings) {
    if (!other.empty()) out["brings"].push_back(other);
  }
  say("disablingDestroys", row.loss);
  say("advice", row.advice);
  if (!row.is_always_on) out["limit"] = fmt::format("{}s", row.script_limit_s);
  return out;
}

/// Every add-on on a line of its own, for people too: which are taken, how, and why the others are not.
std::string with_addons(std::string schema) {
  schema.resize(schema.rfind('\n'));  // before the last brace
  schema.append(",\n  \"x-addons\": {\n");
  for (const wire::AddonRow& row : wire::addon_rows()) {
    schema.append(fmt::format("    {}: {},\n", Json(row.name).dump(), row_of(row).dump()));
  }
  Json community = Json::array();
  for (const std::string_view name : wire::community_addons()) community.push_back(name);
  const Json refused = {{"taken", false}, {"why", wire::kCommunityRefused}, {"names", std::move(community)}};
  schema.append(fmt::format("    \"community/…\": {}\n  }}\n}}", refused.dump()));
  return schema;
}

}  // namespace

Result<std::string> json_schema_of(std::string_view path) {
  constexpr int kIndent = 2;
  std::size_t dot = std::min(path.find('.'), path.size());
  const std::string_view first = path.substr(0, dot);
  const std::span<const Kind> all = kinds();
  const auto kind =
      std::find_if(all.begin(), all.end(), [&](const Kind& one) { return lower(one.name) == lower(first); });
  if (kind == all.end()) return unknown(first, "kelpie schema", {"release", "fleet"});
  Json out = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", path}, {"description", kind->what}};
  std::span<const Field> fields = kind->fields;
  const Field* field = nullptr;
  std::string where(kind->name);
  while (dot < path.size()) {
    const std::size_t start = dot + 1;
    dot = std::min(path.find('.', start), path.size());
    const std::string_view word = path.substr(start, dot - start);
    const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& one) { return one.name == word; });
    if (at == fields.end()) return unknown(word, where, names_of(fields));
    if (at->form == Form::NotYet) {
      return fail(Code::NotSupported, fmt::format("{}.{} is not supported yet ({})", where, word, at->what));
    }
    field = &*at;
    fields = field->fields;
    where.append(".").append(word);
  }
  out.update(field == nullptr ? object_schema(kind->fields) : schema_of(*field, field->form));
  std::string text = out.dump(kIndent);
  return where == "Release.addons" ? with_addons(std::move(text)) : text;
}

}  // namespace kelpie::cli
