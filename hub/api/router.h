// From an HTTP request to an rpc and its input. Routes come from the service's descriptors and nowhere else.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <kelpie/api/v1/http.pb.h>

#include "hub/api/exchange.h"

namespace google::protobuf {
class Message;
class MethodDescriptor;
}  // namespace google::protobuf

namespace kelpie::hub {

struct PathSegment {
  std::string text;  // literal, or the variable's field name
  bool is_variable = false;
};

struct Route {
  const google::protobuf::MethodDescriptor* rpc = nullptr;
  std::string method;   // GET
  std::string pattern;  // /api/v1/devices/{name}:label
  std::vector<PathSegment> segments;
  std::string verb;  // label; empty: none
  api::v1::Role role = api::v1::ADMIN;
};

struct Match {
  const Route* route = nullptr;
  Pairs variables;  // field name, decoded value
};

/// What a call carries beside the message.
struct Bound {
  std::shared_ptr<google::protobuf::Message> input;
  bool is_dry_run = false;
};

class Router {
 public:
  Router();
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }
  /// Errors: NotFound; METHOD_NOT_ALLOWED when the path is known under another method.
  [[nodiscard]] Result<Match> match(std::string_view method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

/// Path variables, query and body into the request message; nothing unknown is passed over.
/// Errors: BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE.
[[nodiscard]] Result<Bound> bind(const Match& match, const HttpRequest& request);

}  // namespace kelpie::hub
