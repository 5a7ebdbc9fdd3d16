#include "hub/core/selector.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::hub {
namespace {

constexpr std::size_t kRequirementsMax = 32;  // chosen: far beyond what a person writes

bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '/' || c == '-';
}

// Reads one selector from left to right; at_ is where an error is said to be.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<Requirement>> all() {
    std::vector<Requirement> out;
    do {
      KELPIE_TRY(Requirement requirement, one());
      out.push_back(std::move(requirement));
      if (out.size() > kRequirementsMax) return wrong("a comma-separated list of at most 32 conditions");
    } while (take(','));
    skip_blanks();
    if (at_ != text_.size()) return wrong("a comma or the end");
    return out;
  }

 private:
  Result<Requirement> one() {
    skip_blanks();
    if (take('!')) {
      KELPIE_TRY(std::string key, word());
      return Requirement{.key = std::move(key), .op = Requirement::Op::Missing, .values = {}};
    }
    KELPIE_TRY(std::string key, word());
    skip_blanks();
    if (take('!')) {
      if (!take('=')) return wrong("=");
      KELPIE_TRY(std::string value, word());
      return Requirement{.key = std::move(key), .op = Requirement::Op::NotIn, .values = {std::move(value)}};
    }
    if (take('=')) {
      static_cast<void>(take('='));
      KELPIE_TRY(std::string value, word());
      return Requirement{.key = std::move(key), .op = Requirement::Op::In, .values = {std::move(value)}};
    }
    const bool is_not_in = take_word("notin");
    if (is_not_in || take_word("in")) {
      KELPIE_TRY(std::vector<std::string> values, list());
      return Requirement{.key = std::move(key),
                         .op = is_not_in ? Requirement::Op::NotIn : Requirement::Op::In,
                         .values = std::move(values)};
    }
    return Requirement{.key = std::move(key), .op = Requirement::Op::Exists, .values = {}};
  }

  Result<std::vector<std::string>> list() {
    skip_blanks();
    if (!take('(')) return wrong("(");
    std::vector<std::string> values;
    do {
      KELPIE_TRY(std::string value, word());
      values.push_back(std::move(value));
    } while (take(','));
    if (!take(')')) return wrong(")");
    return values;
  }

  Result<std::string> word() {
    skip_blanks();
    const std::size_t from = at_;
    while (at_ < text_.size() && is_label_character(text_[at_])) ++at_;
    if (at_ == from) return wrong("a label name or value");
    std::string out(text_.substr(from, at_ - from));
    skip_blanks();
    return out;
  }

  bool take(char character) {
    if (at_ >= text_.size() || text_[at_] != character) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view wanted) {
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(wanted) || (rest.size() > wanted.size() && is_label_character(rest[wanted.size()])))
      return false;
    at_ += wanted.size();
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  tl::unexpected<Error> wrong(std::string_view wanted) const {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("selector \"{}\" is wrong at column {}: expected {}", text_, at_ + 1, wanted),
                 .reason = "SELECTOR",
                 .hint = "write key=value,key!=value,key in (a,b),!key; kelpie help selectors"});
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Selector> Selector::parse(std::string_view text) {
  Selector out;
  if (text.empty()) return out;
  if (text == "*") {
    out.is_all_ = true;
    return out;
  }
  KELPIE_TRY(out.requirements_, Reader(text).all());
  return out;
}

bool Selector::matches(const Labels& labels) const {
  if (requirements_.empty()) return is_all_;
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
    const auto at = labels.find(requirement.key);
    const bool is_listed = at != labels.end() && std::find(requirement.values.begin(), requirement.values.end(),
                                                           at->second) != requirement.values.end();
    switch (requirement.op) {
      case Requirement::Op::In: return is_listed;
      case Requirement::Op::NotIn: return !is_listed;
      case Requirement::Op::Exists: return at != labels.end();
      case Requirement::Op::Missing: return at == labels.end();
    }
    return false;
  });
}

}  // namespace kelpie::hub
