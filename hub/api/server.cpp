#include "hub/api/server.h"

#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "hub/api/listen.h"
#include "hub/api/visit.h"
#include "proto/base/log.h"

namespace kelpie::hub {
namespace {

// A thread per connection: a request may then wait for the loop, and a stream for news, in plain code. A waiting one
// costs some 55 KB (500 viewers, measured 2026-11-24).
constexpr unsigned kFlags =
    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
constexpr unsigned kConnectionsMax = kViewersMax + 100;  // chosen: viewers, and as many calls as a busy script makes
constexpr std::size_t kThreadStackBytes = 1U << 20U;     // chosen: far above JSON at its depth limit of 100
constexpr std::size_t kHeadBytesMax = 32U << 10U;        // of one connection: request line and headers
constexpr std::size_t kStreamBlockBytes = 16U << 10U;
constexpr std::chrono::seconds kFarewellMax{2};  // chosen: for the last answers; who reads slower is cut off
constexpr std::chrono::seconds kPauseMax{60};    // chosen: a request that neither sends nor takes anything is cut off

/// Counts requests under way, so that the server can send their answers before it closes the connections.
class Crowd {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++inside_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }
  void wait_until_empty(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    empty_.wait_for(lock, limit, [this] { return inside_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
  std::size_t inside_ = 0;
};

/// A daemon's side of the door: its visitors all come the same way.
struct Side {
  Desk* desk = nullptr;
  Crowd* crowd = nullptr;
  Transport transport = Transport::Loopback;
  MHD_Daemon* daemon = nullptr;

  /// Of the request that has come in. Between requests a connection has little time.
  void set_patience(MHD_Connection* connection, bool has_request) const {
    const ServerOptions& options = desk->options();
    const auto longest = std::chrono::duration_cast<std::chrono::seconds>(options.wait_max + options.heartbeat);
    const auto patience = has_request ? longest + kPauseMax : options.head_max;
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, static_cast<unsigned>(patience.count()));
  }
};

/// One request in the library's hands.
struct Exchange {
  std::string target;  // path and query as sent
  std::optional<Visit> visit;
};

uid_t peer_uid(MHD_Connection* connection) {
  constexpr uid_t kNobody = 65'534;
  const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  ucred peer{};
  socklen_t size = sizeof peer;
  if (info == nullptr || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return kNobody;
  return peer.uid;
}

MHD_Result add_header(void* to, MHD_ValueKind, const char* name, const char* value) {
  std::string key(name);
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static_cast<HttpRequest*>(to)->headers.emplace(std::move(key), value == nullptr ? "" : value);
  return MHD_YES;
}

HttpRequest head_of(MHD_Connection* connection, const char* method, const std::string& target) {
  HttpRequest out;
  out.method = method;
  set_target(out, target);
  MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &out);
  return out;
}

struct Prepared {
  int status = 200;
  MHD_Response* response = nullptr;
};

Prepared prepare(const HttpAnswer& answer) {
  // The library copies the bytes; its interface lacks the const.
  Prepared out{.status = answer.status,
               .response = MHD_create_response_from_buffer(answer.body.size(), const_cast<char*>(answer.body.data()),
                                                           MHD_RESPMEM_MUST_COPY)};
  if (out.response == nullptr) return out;
  if (!answer.content_type.empty()) MHD_add_response_header(out.response, "Content-Type", answer.content_type.c_str());
  for (const auto& [name, value] : answer.headers) MHD_add_response_header(out.response, name.c_str(), value.c_str());
  return out;
}

Prepared prepare(const ArtifactFile& file) {
  Prepared out{.status = file.is_part ? 206 : 200,
               .response = MHD_create_response_from_fd_at_offset64(file.length, file.fd, file.offset)};
  if (out.response == nullptr) {
    close(file.fd);
    return out;
  }
  MHD_add_response_header(out.response, "Content-Type", "application/octet-stream");
  MHD_add_response_header(out.response, "Accept-Ranges", "bytes");
  if (file.is_part) {
    const std::string range = fmt::format("bytes {}-{}/{}", file.offset, file.offset + file.length - 1, file.size);
    MHD_add_response_header(out.response, "Content-Range", range.c_str());
  }
  return out;
}

ssize_t read_stream(void* stream, std::uint64_t, char* out, std::size_t size) {
  try {
    const std::size_t count = static_cast<EventStream*>(stream)->read({out, size});
    return count == 0 ? MHD_CONTENT_READER_END_OF_STREAM : static_cast<ssize_t>(count);
  } catch (const std::exception& error) {
    log::error("event stream ends", {{"reason", error.what()}});
    return MHD_CONTENT_READER_END_WITH_ERROR;
  }
}

void free_stream(void* stream) {
  const std::unique_ptr<EventStream> owned(static_cast<EventStream*>(stream));
}

Prepared prepare(std::unique_ptr<EventStream>& stream) {
  const std::string type = stream->content_type();
  Prepared out{.status = 200,
               .response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kStreamBlockBytes, read_stream,
                                                             stream.get(), free_stream)};
  if (out.response == nullptr) return out;
  static_cast<void>(stream.release());  // free_stream has it now
  MHD_add_response_header(out.response, "Content-Type", type.c_str());
  return out;
}

MHD_Result send(MHD_Connection* connection, Visit& visit) {
  Outcome outcome = visit.finish();
  const Prepared prepared = std::visit([](auto& what) { return prepare(what); }, outcome);
  if (prepared.response == nullptr) return MHD_NO;
  MHD_add_response_header(prepared.response, "X-Request-Id", visit.request_id().c_str());
  MHD_add_response_header(prepared.response, "Cache-Control", "no-store");
  MHD_add_response_header(prepared.response, "X-Content-Type-Options", "nosniff");
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(prepared.status), prepared.response);
  MHD_destroy_response(prepared.response);
  return queued;
}

MHD_Result take_request(const Side& side, MHD_Connection* connection, const char* method, std::string_view body,
                        Exchange& exchange) {
  if (!exchange.visit) {
    side.set_patience(connection, true);
    const Visitor visitor{.transport = side.transport,
                          .uid = side.transport == Transport::Socket ? peer_uid(connection) : 0};
    exchange.visit.emplace(*side.desk, visitor, head_of(connection, method, exchange.target));
    return exchange.visit->is_over() ? send(connection, *exchange.visit) : MHD_YES;
  }
  if (!body.empty()) return exchange.visit->take(body) ? MHD_YES : MHD_NO;
  return send(connection, *exchange.visit);
}

// The library decodes paths; routes need them as sent.
void* on_target(void* cls, const char* target, MHD_Connection*) {
  static_cast<const Side*>(cls)->crowd->enter();
  return new Exchange{.target = target, .visit = {}};
}

// Called with the head, then with each piece of the body, then once more at its end.
MHD_Result on_request(void* cls, MHD_Connection* connection, const char*, const char* method, const char*,
                      const char* upload, std::size_t* upload_size, void** context) {
  try {
    const std::string_view body(upload, *upload_size);
    const MHD_Result out =
        take_request(*static_cast<const Side*>(cls), connection, method, body, *static_cast<Exchange*>(*context));
    *upload_size = 0;
    return out;
  } catch (const std::exception& error) {
    log::error("request dropped", {{"method", method}, {"reason", error.what()}});
    return MHD_NO;
  }
}

void on_end(void* cls, MHD_Connection* connection, void** context, MHD_RequestTerminationCode) {
  if (*context == nullptr) return;
  const std::unique_ptr<Exchange> owned(static_cast<Exchange*>(*context));
  *context = nullptr;
  static_cast<const Side*>(cls)->set_patience(connection, false);
  static_cast<const Side*>(cls)->crowd->leave();
}

void on_library_log(void*, const char* format, va_list) {
  log::debug("http library", {{"reason", format}});
}

Result<void> open(Side& side, const Listening& listening) {
  const ServerOptions& options = side.desk->options();
  side.daemon = MHD_start_daemon(
      kFlags, 0, nullptr, nullptr, on_request, &side,                                                      //
      MHD_OPTION_EXTERNAL_LOGGER, on_library_log, nullptr,                                                 //
      MHD_OPTION_LISTEN_SOCKET, listening.fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, &side,               //
      MHD_OPTION_NOTIFY_COMPLETED, on_end, &side, MHD_OPTION_CONNECTION_LIMIT, kConnectionsMax,            //
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kHeadBytesMax, MHD_OPTION_THREAD_STACK_SIZE, kThreadStackBytes,  //
      MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(options.head_max.count()), MHD_OPTION_END);
  if (side.daemon != nullptr) return {};
  return fail(Code::Unavailable,
              fmt::format("cannot serve on \"{}\": the HTTP library did not start", listening.address));
}

}  // namespace

struct Server::Threads {
  Threads(ServerOptions options, std::function<bool(ApiCall)> push) : desk(std::move(options), std::move(push)) {}
  Desk desk;
  Crowd crowd;
  Side socket{.desk = &desk, .crowd = &crowd, .transport = Transport::Socket};
  Side loopback{.desk = &desk, .crowd = &crowd, .transport = Transport::Loopback};
  Side devices{.desk = &desk, .crowd = &crowd, .transport = Transport::Devices};
  std::string address;
  std::string archives_address;
  std::string socket_path;  // to remove at the end
};

Server::Server(std::unique_ptr<Threads> threads) : threads_(std::move(threads)) {}

Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, std::function<bool(ApiCall)> push) {
  if (!options.token_file.empty()) KELPIE_TRY(Tokens::load(options.token_file));
  auto threads = std::make_unique<Threads>(std::move(options), std::move(push));
  Threads& parts = *threads;
  std::unique_ptr<Server> out(new Server(std::move(threads)));  // stops what was started when the rest fails
  if (const std::string& path = parts.desk.options().socket_path; !path.empty()) {
    KELPIE_TRY(const Listening listening, listen_unix(path));
    parts.socket_path = path;
    KELPIE_TRY(open(parts.socket, listening));
  }
  if (const std::string& address = parts.desk.options().listen; !address.empty()) {
    KELPIE_TRY(const Listening listening, listen_loopback(address));
    KELPIE_TRY(open(parts.loopback, listening));
    parts.address = listening.address;
  }
  if (const std::string& address = parts.desk.options().archives_listen; !address.empty()) {
    KELPIE_TRY(const Listening listening, listen_loopback(address));
    KELPIE_TRY(open(parts.devices, listening));
    parts.archives_address = listening.address;
  }
  return out;
}

void Server::stop() {
  threads_->desk.waits().stop();
  threads_->crowd.wait_until_empty(kFarewellMax);
  for (Side* side : {&threads_->devices, &threads_->loopback, &threads_->socket}) {
    if (side->daemon != nullptr) MHD_stop_daemon(std::exchange(side->daemon, nullptr));
  }
  if (!threads_->socket_path.empty()) unlink(std::exchange(threads_->socket_path, {}).c_str());
}

std::string Server::address() const {
  return threads_->address;
}

std::string Server::archives_address() const {
  return threads_->archives_address;
}

void Server::deliver(std::uint64_t request, Answer answer) {
  threads_->desk.waits().deliver(request, std::move(answer));
}

void Server::feed(const std::vector<FeedEvent>& events) {
  if (!events.empty()) threads_->desk.waits().ring();
}

}  // namespace kelpie::hub
