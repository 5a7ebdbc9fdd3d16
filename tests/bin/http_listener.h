// As much of an HTTP/1.1 server as the doubles need: one thread, a Unix socket and loopback ports, small requests.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace kelpie::test {

struct HttpRequest {
  int listener = -1;  // what listen_… answered
  std::string method;
  std::string path;
  std::string body;
};
struct HttpAnswer {
  int status = 200;
  std::string type = "application/json";
  std::string body;
};
/// Nothing: the connection is dropped without an answer.
using Answerer = std::function<std::optional<HttpAnswer>(const HttpRequest&)>;

class HttpListener {
 public:
  HttpListener() = default;
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  /// Replaces what was there.
  int listen_at(const std::string& socket_path);
  /// On a port that is free.
  int listen_on_loopback(int& port);
  void stop_listening(int listener);
  /// Takes what comes within wait_ms.
  void serve(int wait_ms, const Answerer& answer);

 private:
  struct Connection {
    int listener = -1;
    std::string received;
  };
  /// False: to be closed.
  bool take(int fd, Connection& connection, const Answerer& answer);

  std::map<int, bool> listeners_;
  std::map<int, Connection> connections_;
};

}  // namespace kelpie::test
