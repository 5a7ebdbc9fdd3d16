#include "tests/hub/api/fake_hub.h"

#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/records/records.h"

namespace kelpie::test {

using namespace std::chrono_literals;

FakeHub::FakeHub(const std::string& tokens, const std::function<void(hub::ServerOptions&)>& adjust) {
  const std::string token_file = dir_ / "tokens";
  std::ofstream(token_file) << tokens;
  std::filesystem::permissions(token_file, std::filesystem::perms(0600));
  std::filesystem::create_directory(dir_ / "artifacts");
  hub::ServerOptions options;
  options.socket_path = socket_path();
  options.token_file = token_file;
  options.artifacts_dir = dir_ / "artifacts";
  options.store = &store_;
  if (adjust) adjust(options);
  auto server = hub::Server::start(options, [this](hub::ApiCall call) { return inbox_.push(std::move(call)); });
  if (!server) throw std::runtime_error(server.error().message);
  server_ = std::move(*server);
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

FakeHub::~FakeHub() {
  server_->stop();
  thread_.request_stop();
  inbox_.close();
}

void FakeHub::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    for (const hub::ApiCall& call : inbox_.take(4, 100ms)) take(call);
  }
}

void FakeHub::take(const hub::ApiCall& call) {
  {
    const std::lock_guard lock(taken_mutex_);
    taken_.push_back(fmt::format("{} by {}", call.method, call.actor.name));
  }
  if (is_silent_) return;
  const WallTime now{1'700'000'000'000};
  const hub::ApiView view{.state = state_,
                          .store = store_,
                          .trust = trust_,
                          .hub_name = "hub.example",
                          .broker_url = "mqtts://broker",
                          .is_broker_connected = is_linked_,
                          .queue = 0};
  if (!hub::is_write(call)) return server_->deliver(call.request, hub::answer_read(call, view, now));
  Result<hub::ApiWrite> write = hub::to_write(call, trust_, now);
  if (!write) return server_->deliver(call.request, fail(write.error()));
  hub::Effects effects;
  hub::decide(state_, *write, now, effects);
  ASSERT_TRUE(store_.commit(hub::records::to_batch(state_, effects)));
  for (const hub::Reply& reply : effects.replies) {
    server_->deliver(reply.request, reply.object ? hub::answer_write(call, *reply.object, view, now)
                                                 : hub::Answer(fail(reply.object.error())));
  }
  server_->feed(effects.feed);
}

std::vector<std::string> FakeHub::taken() const {
  const std::lock_guard lock(taken_mutex_);
  return taken_;
}

wire::HttpRequest FakeHub::on_socket(std::string method, const std::string& target, std::string body) const {
  return {.method = std::move(method),
          .url = "http://hub" + target,
          .unix_socket = socket_path(),
          .headers = {{"Content-Type", "application/json"}},
          .body = std::move(body)};
}

wire::HttpRequest FakeHub::on_tcp(std::string method, const std::string& target, const std::string& token) const {
  wire::HttpRequest out{.method = std::move(method), .url = "http://" + server_->address() + target};
  out.headers.emplace_back("Content-Type", "application/json");
  if (!token.empty()) out.headers.emplace_back("Authorization", "Bearer " + token);
  return out;
}

}  // namespace kelpie::test
