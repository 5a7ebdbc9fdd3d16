#include "device-agent/diagnostics/redact.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace kelpie::agent {
namespace {

constexpr std::string_view kGone = "[redacted]";
constexpr std::string_view kBlanks = " \t";

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_lower(c) || is_upper(c) || is_digit(c);
}
bool is_key_char(char c) {
  return is_alnum(c) || c == '_' || c == '-' || c == '.';
}
bool is_base64_char(char c) {
  return is_alnum(c) || c == '+' || c == '/' || c == '=' || c == '_' || c == '-';
}
bool is_token_char(char c) {
  return is_base64_char(c) || c == '.' || c == '~';
}
char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) { return a == lower(b); });
}

template <typename Is>
std::size_t run_of(std::string_view text, std::size_t from, Is is) {
  std::size_t at = from;
  while (at < text.size() && is(text[at])) ++at;
  return at - from;
}

// ---- PEM ------------------------------------------------------------------------------------------------------------

/// Certificates go too: they are long, and what matters of them is said elsewhere.
std::string without_pem(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kEnd = "-----END ";
  constexpr std::string_view kDashes = "-----";
  std::string out;
  for (;;) {
    const std::size_t begin = text.find(kBegin);
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) return out;
    out += kGone;
    const std::size_t end = text.find(kEnd, begin);
    if (end == std::string_view::npos) return out;  // cut off: all the rest may be key
    const std::size_t close = text.find(kDashes, end + kEnd.size());
    if (close == std::string_view::npos) return out;
    text.remove_prefix(close + kDashes.size());
  }
}

// ---- scheme://user:password@host ------------------------------------------------------------------------------------

/// Where the "@" behind a user and a password stands in what follows "://"; npos: there is none.
std::size_t userinfo_end(std::string_view rest) {
  rest = rest.substr(0, rest.find_first_of(" \t\r\n\"'<>\\,"));
  const std::string_view host = rest.substr(0, rest.find('/'));
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) return at;
  // A password with a slash in it makes no valid URL, and is typed all the same. A digit would be a port.
  const std::size_t colon = host.find(':');
  const bool is_password = colon != std::string_view::npos && colon + 1 < host.size() && !is_digit(host[colon + 1]);
  return is_password ? rest.rfind('@') : std::string_view::npos;
}

std::string without_userinfo(std::string_view text) {
  constexpr std::string_view kMark = "://";
  std::string out;
  for (;;) {
    const std::size_t mark = text.find(kMark);
    if (mark == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, mark + kMark.size()));
    text.remove_prefix(mark + kMark.size());
    const std::size_t at = userinfo_end(text);
    if (at == std::string_view::npos) continue;
    out.append(kGone);
    text.remove_prefix(at);
  }
}

// ---- key: value -----------------------------------------------------------------------------------------------------

/// "client-key-data" and "clientKeyData" are one.
std::string folded(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (is_alnum(c)) out += lower(c);
  }
  return out;
}

bool is_secret_key(std::string_view key) {
  constexpr std::array<std::string_view, 17> kParts = {
      "password",   "passwd",    "passphrase",      "secret",        "token",         "apikey",
      "privatekey", "accesskey", "credential",      "signingkey",    "encryptionkey", "authorization",
      "cookie",     "keydata",   "certificatedata", "authoritydata", "identitytoken"};
  constexpr std::array<std::string_view, 5> kWhole = {"auth", "pass", "pwd", "psk", "bearer"};
  // What says where a secret is, or how it is made, is none.
  constexpr std::array<std::string_view, 18> kHarmlessEnds = {
      "file",  "files",   "path",       "dir", "name", "names",   "ttl",  "kind",     "type",
      "count", "seconds", "expiration", "url", "ref",  "version", "mode", "audience", "audiences"};
  const std::string name = folded(key);
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  if (std::any_of(kHarmlessEnds.begin(), kHarmlessEnds.end(), ends)) return false;
  if (std::find(kWhole.begin(), kWhole.end(), name) != kWhole.end()) return true;
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

/// Of these an unquoted value has blanks in it.
bool takes_the_line(std::string_view key) {
  const std::string name = folded(key);
  for (const std::string_view part : {"password", "passwd", "passphrase", "authorization", "cookie"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

bool is_no_secret(std::string_view value) {
  if (value.starts_with(kGone)) return true;
  value = value.substr(0, value.find_last_not_of("},]") + 1);  // of JSON, behind an unquoted word
  for (const std::string_view word : {"true", "false", "null", "none", "<none>", "nil", "unset"}) {
    if (value.size() == word.size() && starts_with_word(value, word)) return true;
  }
  return value.empty();
}

/// A quote as it stands here: bare, or escaped in JSON inside of JSON.
std::string_view quote_at(std::string_view text, std::size_t at) {
  constexpr std::array<std::string_view, 4> kQuotes = {R"(\\\")", R"(\")", R"(")", "'"};
  for (const std::string_view quote : kQuotes) {
    if (text.substr(at).starts_with(quote)) return quote;
  }
  return {};
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kBlanks, at), text.size());
}

struct Value {
  std::size_t from = 0;  // where it begins; npos: the key has none
  std::size_t to = 0;
};
constexpr Value kNoValue{.from = std::string_view::npos, .to = 0};

std::size_t line_end(std::string_view text, std::size_t from) {
  return std::min(text.find('\n', from), text.size());
}

/// To the closing quote; a lone backslash before a bare one hides it.
std::size_t quoted_end(std::string_view text, std::size_t from, std::string_view quote) {
  for (std::size_t at = from; at < text.size() && text[at] != '\n'; ++at) {
    if (text.substr(at).starts_with(quote)) return at;
    if (quote.size() == 1 && text[at] == '\\') ++at;
  }
  return line_end(text, from);
}

/// {"name":"DB_PASSWORD","value":"x"}: behind the comma stands the value of what is named.
std::size_t skip_to_named_value(std::string_view text, std::size_t at) {
  constexpr std::string_view kValue = "value";
  const std::size_t word = text.find_first_not_of(" \t\r\n\"'\\,", at);
  if (at == text.size() || text[at] != ',' || word == std::string_view::npos) return at;
  if (!starts_with_word(text.substr(word), kValue)) return at;
  const std::size_t end = word + kValue.size();
  return skip_blanks(text, end + quote_at(text, end).size());
}

/// What stands behind a key that ends at `end`.
Value value_behind(std::string_view text, std::string_view key, std::size_t end) {
  const std::size_t after = end + quote_at(text, end).size();
  const std::size_t mark = skip_to_named_value(text, skip_blanks(text, after));
  const bool has_mark = mark < text.size() && (text[mark] == ':' || text[mark] == '=');
  const bool is_flag = key.starts_with("--") && mark > after;  // --token VALUE
  if (!has_mark && !is_flag) return kNoValue;
  const std::size_t marks = has_mark ? run_of(text, mark, [](char c) { return c == ':' || c == '=' || c == '>'; }) : 0;
  const std::size_t from = skip_blanks(text, mark + marks);
  if (from == text.size() || text[from] == '\n' || text[from] == '{') return kNoValue;
  if (!has_mark && text[from] == '-') return kNoValue;  // the next flag
  const std::size_t last = line_end(text, from);
  if (text[from] == '[') return {.from = from, .to = std::min(text.find(']', from), last - 1) + 1};
  if (const std::string_view quote = quote_at(text, from); !quote.empty()) {
    return {.from = from + quote.size(), .to = quoted_end(text, from + quote.size(), quote)};
  }
  if (has_mark && text[mark] == ':' && takes_the_line(key)) return {.from = from, .to = last};
  return {.from = from, .to = std::min(text.find_first_of(" \t\r\n\"'&\\", from), text.size())};
}

std::string without_secret_values(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = run_of(text, at, is_key_char);
    if (size == 0) {
      ++at;
      continue;
    }
    const std::string_view key = text.substr(at, size);
    at += size;
    if (!is_secret_key(key)) continue;
    const Value value = value_behind(text, key, at);
    if (value.from == std::string_view::npos || is_no_secret(text.substr(value.from, value.to - value.from))) continue;
    out.append(text.substr(done, value.from - done)).append(kGone);
    done = at = value.to;
  }
  return out.append(text.substr(done));
}

// ---- what looks like a secret, wherever it stands -------------------------------------------------------------------

/// Letters of both cases and digits, in one part between slashes: what ids, digests and paths have apart.
bool is_mixed(std::string_view part) {
  constexpr std::size_t kShortest = 12;
  constexpr std::ptrdiff_t kOfEachCase = 2;
  return part.size() >= kShortest && std::count_if(part.begin(), part.end(), is_upper) >= kOfEachCase &&
         std::count_if(part.begin(), part.end(), is_lower) >= kOfEachCase &&
         std::any_of(part.begin(), part.end(), is_digit);
}

/// Random bytes in base64.
bool is_random(std::string_view run) {
  constexpr std::size_t kShortest = 40;  // 30 bytes; shorter ones are told by what stands before them
  if (run.size() < kShortest) return false;
  for (std::size_t from = 0; from < run.size();) {
    const std::size_t end = std::min(run.find('/', from), run.size());
    if (is_mixed(run.substr(from, end - from))) return true;
    from = end + 1;
  }
  return false;
}

/// Behind "Bearer " and "Basic ", in any case.
std::size_t credential_after(std::string_view text, std::size_t at) {
  constexpr std::size_t kShortest = 6;
  for (const std::string_view scheme : {"bearer ", "basic "}) {
    if (!starts_with_word(text.substr(at), scheme)) continue;
    if (run_of(text, at + scheme.size(), is_token_char) >= kShortest) return scheme.size();
  }
  return 0;
}

std::string without_tokens(std::string_view text) {
  constexpr std::string_view kWebToken = "eyJ";  // base64 of {"
  constexpr std::string_view kJoin = ":25000/";  // facts, microk8s 2.7: whoever has the address may join
  constexpr std::size_t kWebTokenShortest = 20;
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t scheme = credential_after(text, at); scheme != 0) {
      out.append(text.substr(at, scheme)).append(kGone);
      at += scheme;
      at += run_of(text, at, is_token_char);
      continue;
    }
    if (text.substr(at).starts_with(kJoin)) {
      out.append(kJoin);
      at += kJoin.size();
      const std::size_t token = run_of(text, at, is_base64_char);
      if (token > 0) out.append(kGone);
      at += token;
      continue;
    }
    const std::size_t web = text.substr(at).starts_with(kWebToken) ? run_of(text, at, is_token_char) : 0;
    const std::size_t size = web >= kWebTokenShortest ? web : run_of(text, at, is_base64_char);
    if (size == 0) {
      out += text[at++];
      continue;
    }
    const std::string_view run = text.substr(at, size);
    out.append(web >= kWebTokenShortest || is_random(run) ? kGone : run);
    at += size;
  }
  return out;
}

}  // namespace

std::string redact(std::string_view text) {
  return without_tokens(without_secret_values(without_userinfo(without_pem(text))));
}

}  // namespace kelpie::agent
