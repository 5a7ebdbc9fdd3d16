// The hub's door for operators: HTTP over a Unix socket and, when asked, TCP on loopback. Threads of this file parse,
// authenticate and push; they never touch the hub's state. The only file that knows libmicrohttpd.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "hub/api/artifacts.h"
#include "hub/api/call.h"

namespace kelpie::hub {

struct ServerOptions {
  std::string socket_path;             // empty: no socket
  std::string listen = "127.0.0.1:0";  // empty: no TCP; port 0: a free one
  std::string token_file;              // empty: nobody has a token
  std::string artifacts_dir;           // empty: no artifacts
  std::string archives_listen;         // door for devices, on loopback; empty: none; port 0: a free one
  std::string archives_dir;            // what comes through it; empty: nothing does
  Digest archive_secret;               // of the words by which it is taken
  std::size_t request_bytes_max = 1U << 20U;
  std::uint64_t artifact_bytes_max = kArtifactBytesMax;
  std::chrono::milliseconds wait_max{30'000};   // for the loop's answer
  std::chrono::seconds head_max{10};            // for a request to come in: nobody holds a connection without one
  std::chrono::milliseconds heartbeat{15'000};  // of event streams
  const KeyValueStore* store = nullptr;         // for event streams: read from HTTP threads; outlives the server
};

class Server final : public ApiDoor {
 public:
  /// push: puts a call into the loop's inbox; false when that is full.
  /// Errors: InvalidArgument (listen is not on loopback), Unavailable (socket or port is taken), those of Tokens::load.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options, std::function<bool(ApiCall)> push);
  ~Server() override;

  /// Answers everybody who waits, ends the streams and joins the threads. The destructor calls it too.
  void stop();
  /// "127.0.0.1:43817"; empty without TCP.
  [[nodiscard]] std::string address() const;
  /// Of the door for devices; empty: there is none.
  [[nodiscard]] std::string archives_address() const;

  void deliver(std::uint64_t request, Answer answer) override;
  void feed(const std::vector<FeedEvent>& events) override;

 private:
  struct Threads;
  explicit Server(std::unique_ptr<Threads> threads);
  std::unique_ptr<Threads> threads_;
};

}  // namespace kelpie::hub
