// A hub as small as it can be behind the real server: state, store, and a thread that plays the loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "hub/api/server.h"
#include "hub/core/decide.h"
#include "proto/base/inbox.h"
#include "proto/wire/http_client.h"
#include "tests/hub/api/samples.h"
#include "tests/support/temp_dir.h"

namespace kelpie::test {

class FakeHub {
 public:
  /// tokens: lines of the token file.
  explicit FakeHub(const std::string& tokens = {}, const std::function<void(hub::ServerOptions&)>& adjust = {});
  ~FakeHub();
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;

  hub::Server& server() { return *server_; }
  MemoryStore& store() { return store_; }
  /// From now on calls are taken and never answered.
  void fall_silent() { is_silent_ = true; }
  void lose_broker() { is_linked_ = false; }
  /// Every call the loop took: the rpc and who asked.
  [[nodiscard]] std::vector<std::string> taken() const;

  [[nodiscard]] wire::HttpRequest on_socket(std::string method, const std::string& target, std::string body = {}) const;
  [[nodiscard]] wire::HttpRequest on_tcp(std::string method, const std::string& target, const std::string& token) const;
  [[nodiscard]] std::string socket_path() const { return dir_ / "hub.sock"; }
  [[nodiscard]] const TempDir& dir() const { return dir_; }

 private:
  void loop(const std::stop_token& stop);
  void take(const hub::ApiCall& call);

  TempDir dir_;
  MemoryStore store_;
  wire::Trust trust_ = sample_trust();
  hub::HubState state_;
  Inbox<hub::ApiCall> inbox_{8};
  std::atomic<bool> is_silent_{false};
  std::atomic<bool> is_linked_{true};
  mutable std::mutex taken_mutex_;
  std::vector<std::string> taken_;
  std::unique_ptr<hub::Server> server_;
  std::jthread thread_;
};

}  // namespace kelpie::test
