// An HTTP request and its answer as values. Knows percent-encoding and queries; knows no server and no rpc.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/result.h"

namespace kelpie::hub {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;
  std::string path;                            // as sent: still percent-encoded, without the query
  std::string query;                           // as sent, without the question mark
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  [[nodiscard]] std::string_view header(const std::string& lower_case_name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Pairs headers;
};

/// Splits "path?query" as the request line has it.
void set_target(HttpRequest& request, std::string_view target);
/// Errors: InvalidArgument on a bad escape, a control character or bytes that are no UTF-8.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text);
/// Decoded pairs in order; '+' is a blank. Errors: InvalidArgument, also above 64 pairs.
[[nodiscard]] Result<Pairs> parse_query(std::string_view query);
/// The answer of plain text routes.
[[nodiscard]] HttpAnswer text_answer(int status, std::string text);

}  // namespace kelpie::hub
