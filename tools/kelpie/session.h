// The hub as commands see it: typed calls, whose routes come from the descriptors of api.proto.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <kelpie/api/v1/api.pb.h>

#include "proto/base/clock.h"
#include "proto/wire/http_client.h"
#include "tools/kelpie/endpoint.h"
#include "tools/kelpie/settings.h"

namespace kelpie::cli {

class Screen;

struct CallOptions {
  bool is_dry_run = false;
  std::optional<std::uint32_t> if_revision = {};  // If-Match
  std::optional<Duration> timeout = {};           // empty: --timeout, or 30 s
};

class Session {
 public:
  Session(const Settings& settings, Screen& screen) : settings_(settings), screen_(screen) {}

  /// session.call<api::v1::DeviceList>("ListDevices", request). The method, the address and where each field goes
  /// follow from the rpc's http option; a write carries an Idempotency-Key of its own, so that it may be repeated
  /// after a lost answer, which happens here once.
  /// Errors: the hub's, with code, reason and hint; HUB_UNREACHABLE with the address, the context and what to do.
  template <typename Out>
  [[nodiscard]] Result<Out> call(std::string_view rpc, const google::protobuf::Message& request,
                                 const CallOptions& options = {}) {
    Out out;
    KELPIE_TRY(call_into(rpc, request, options, out));
    return out;
  }

  /// All pages of a list, or the first `limit` items. Request must have page_size and page_token.
  template <typename List, typename Request>
  [[nodiscard]] Result<List> list(std::string_view rpc, Request request, std::size_t limit = kNoLimit) {
    List all;
    do {
      constexpr std::size_t kPageMax = 1'000;  // the hub's
      const std::size_t left = limit - static_cast<std::size_t>(all.items_size());
      request.set_page_size(static_cast<std::uint32_t>(left < kPageMax ? left : kPageMax));
      request.set_page_token(all.next_page_token());
      all.clear_next_page_token();
      KELPIE_TRY(const List page, call<List>(rpc, request));
      all.MergeFrom(page);
    } while (!all.next_page_token().empty() && static_cast<std::size_t>(all.items_size()) < limit);
    return all;
  }
  static constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

  /// The bytes at a path of the hub. Errors: as call; ResourceExhausted when there are more.
  [[nodiscard]] Result<std::string> fetch(const std::string& path, std::size_t bytes_max);

  /// A stream of the hub, read until on_bytes or on_idle returns false or the time is over; 0: no end.
  /// Errors: as call; WAIT_ENDED when the time is over.
  [[nodiscard]] Result<void> stream(const std::string& path, Duration timeout,
                                    const std::function<bool(std::string_view)>& on_bytes,
                                    const std::function<bool()>& on_idle);

  /// What the hub last refused, whole: fields and request id for -o json.
  [[nodiscard]] const std::optional<api::v1::Problem>& refused() const { return refused_; }
  /// The id of the newest request; empty before the first.
  [[nodiscard]] const std::string& request_id() const { return request_id_; }

 private:
  [[nodiscard]] Result<void> call_into(std::string_view rpc, const google::protobuf::Message& request,
                                       const CallOptions& options, google::protobuf::Message& out);
  [[nodiscard]] Result<wire::HttpResponse> send(wire::HttpRequest request, const google::protobuf::Message& said);
  [[nodiscard]] bool traces_all() const;
  [[nodiscard]] Result<Endpoint> address(wire::HttpRequest& request);
  [[nodiscard]] Error refusal_of(const wire::HttpResponse& response);

  const Settings& settings_;
  Screen& screen_;
  std::optional<api::v1::Problem> refused_;
  std::string request_id_;
};

}  // namespace kelpie::cli
