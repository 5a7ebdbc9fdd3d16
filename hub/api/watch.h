// One viewer of the event stream. It holds no queue: it remembers how far it read and reads on in the store, so a slow
// viewer costs nothing and resumes anywhere; one that fell too far behind is told to take a fresh snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/api/exchange.h"
#include "hub/store/kv.h"

namespace kelpie::hub {

inline constexpr std::size_t kViewersMax = 500;  // measured 2026-11-24, x86-64: 29 MB, an event reaches all in 23 ms
inline constexpr std::uint64_t kViewerBehindMax = 10'000;  // chosen: a snapshot is cheaper than reading more events
inline constexpr std::size_t kViewerEventsPerRead = 64;    // chosen: one read is about one network buffer

enum class StreamFormat { ServerSentEvents, JsonLines };

struct WatchRequest {
  StreamFormat format = StreamFormat::ServerSentEvents;
  std::optional<std::uint64_t> after;  // absent: only what comes from now on
  std::string rollout;                 // id; empty: all
  std::string device;                  // name; empty: all
};

/// A GET of the events asks for a stream by its Accept header; otherwise empty.
[[nodiscard]] std::optional<StreamFormat> stream_format(const HttpRequest& request);
/// Errors: BAD_REQUEST for an unknown parameter or a sequence that is none.
[[nodiscard]] Result<WatchRequest> parse_watch(const HttpRequest& request, StreamFormat format);

class Viewer {
 public:
  /// Errors: the store's.
  [[nodiscard]] static Result<Viewer> open(const KeyValueStore& store, WatchRequest wanted);
  /// What to send now; empty when the viewer has everything.
  [[nodiscard]] Result<std::string> read();
  /// Finds dead connections and keeps proxies from closing live ones.
  [[nodiscard]] std::string heartbeat() const;
  [[nodiscard]] std::string content_type() const;

 private:
  Viewer(const KeyValueStore& store, WatchRequest wanted) : store_(&store), wanted_(std::move(wanted)) {}
  [[nodiscard]] std::string resync();
  const KeyValueStore* store_;
  WatchRequest wanted_;
  std::uint64_t seen_ = 0;
};

}  // namespace kelpie::hub
