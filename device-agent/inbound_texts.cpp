#include "device-agent/inbound_texts.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <kelpie/v1/release.pb.h>

#include "proto/base/ids.h"
#include "proto/wire/frame.h"

namespace kelpie::agent {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

enum class Rule {
  Line,      // one line that does not begin like an option
  Lines,     // of a file that is written
  Argument,  // one word no shell would take for more, that does not begin like an option
  Option,    // the same, and may begin like one: it is one, of the add-on's script
  Name,      // of an object of Kubernetes
};
struct Row {
  std::string_view field;
  Rule rule;
};
/// What is not here is a Line.
constexpr std::array kRules{
    Row{"kelpie.v1.InstallStep.channel", Rule::Argument},
    Row{"kelpie.v1.Image.ref", Rule::Argument},
    Row{"kelpie.v1.Image.digest", Rule::Argument},
    Row{"kelpie.v1.Image.from", Rule::Argument},
    Row{"kelpie.v1.MirrorHost.ca", Rule::Lines},
    Row{"kelpie.v1.Addon.name", Rule::Name},
    Row{"kelpie.v1.Addon.args", Rule::Option},
    Row{"kelpie.v1.Workload.name", Rule::Name},
    Row{"kelpie.v1.Workload.namespace", Rule::Name},
    Row{"kelpie.v1.RemoveStep.workloads", Rule::Name},
    Row{"kelpie.v1.WorkloadReadyCheck.workload", Rule::Name},
};

constexpr std::size_t kTextBytesMax = 4'096;  // chosen: above every name; the walker's caps are tighter for most
constexpr std::size_t kShownBytesMax = 40;

Rule rule_of(const FieldDescriptor& field) {
  const auto at =
      std::find_if(kRules.begin(), kRules.end(), [&](const Row& row) { return row.field == field.full_name(); });
  return at == kRules.end() ? Rule::Line : at->rule;
}

bool is_printable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20U && byte != 0x7fU;
}

bool is_word(std::string_view text) {
  constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._,:/=@%+-";
  return text.find_first_not_of(kWord) == std::string_view::npos && text.find("..") == std::string_view::npos;
}

/// What is wrong, as a sentence without its beginning; empty: nothing.
std::string_view objection(std::string_view text, Rule rule) {
  if (text.empty()) return {};
  const auto is_welcome = [&](char c) { return is_printable(c) || (rule == Rule::Lines && (c == '\n' || c == '\r')); };
  if (!std::all_of(text.begin(), text.end(), is_welcome)) return "holds control characters";
  if (rule == Rule::Lines) return {};
  if (text.size() > kTextBytesMax) return "is too long";
  if (rule != Rule::Option && text.front() == '-') return "begins with a dash";
  if (rule == Rule::Name && !is_name(text)) return "is not 1 to 63 lower-case letters, digits and dashes";
  const bool is_one_word = rule == Rule::Line || is_word(text);
  return is_one_word ? std::string_view() : "holds more than letters, digits and . _ , : / = @ % + -";
}

std::string shown(std::string_view text) {
  std::string out(text.substr(0, kShownBytesMax));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !is_printable(c); }, '?');
  // A character cut in two would make the report unreadable.
  while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0x80U) != 0) out.pop_back();
  return out;
}

Result<void> require_text(std::string_view text, const FieldDescriptor& field, const std::string& path) {
  const std::string_view wrong = objection(text, rule_of(field));
  if (wrong.empty()) return {};
  return fail(wire::refused(wire::Refusal::Schema, fmt::format("{} \"{}\" {}", path, shown(text), wrong)));
}

Result<void> require_all(const Message& message, const std::string& path);

Result<void> require_field(const Message& message, const FieldDescriptor& field, const std::string& path) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const int count = field.is_repeated() ? reflection.FieldSize(message, &field) : 1;
  std::string scratch;
  for (int i = 0; i < count; ++i) {
    const std::string at = field.is_repeated() ? fmt::format("{}[{}]", path, i) : path;
    if (field.type() == FieldDescriptor::TYPE_STRING) {
      const std::string& text = field.is_repeated()
                                    ? reflection.GetRepeatedStringReference(message, &field, i, &scratch)
                                    : reflection.GetStringReference(message, &field, &scratch);
      KELPIE_TRY(require_text(text, field, at));
    } else if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
      KELPIE_TRY(require_all(field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, i)
                                                 : reflection.GetMessage(message, &field),
                             at));
    }
  }
  return {};
}

Result<void> require_all(const Message& message, const std::string& path) {
  std::vector<const FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const FieldDescriptor* const field : set) {
    KELPIE_TRY(require_field(message, *field, path.empty() ? field->name() : path + "." + field->name()));
  }
  return {};
}

}  // namespace

Result<void> require_harmless_texts(const v1::Release& release) {
  return require_all(release, {});
}

}  // namespace kelpie::agent
