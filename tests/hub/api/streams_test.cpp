// Event streams over the real server.
#include <gtest/gtest.h>

#include "hub/api/desk.h"
#include "hub/api/watch.h"
#include "tests/hub/api/fake_hub.h"

namespace kelpie::hub {
namespace {

using namespace std::chrono_literals;
using test::FakeHub;
using test::told;

constexpr const char* kAddBody = R"({"name":"pi-1","fingerprint":"9c4177d000000000000000000000e2b8"})";

wire::HttpRequest watch(const FakeHub& hub, const std::string& accept, const std::string& query = {}) {
  wire::HttpRequest out = hub.on_socket("GET", "/api/v1/events" + query);
  out.headers.emplace_back("Accept", accept);
  return out;
}

/// Reads the stream until it holds the text.
std::string read_until(const wire::HttpRequest& request, const std::string& text,
                       const std::function<void()>& on_first = {}) {
  std::string out;
  bool is_first = true;
  const auto response = wire::http_stream(request, [&](std::string_view bytes) {
    if (is_first && on_first) on_first();
    is_first = false;
    out.append(bytes);
    return out.find(text) == std::string::npos;
  });
  return response ? out : response.error().message;
}

TEST(Streams, TellWhatHappensAsItHappens) {
  const FakeHub hub;
  const std::string text = read_until(watch(hub, "text/event-stream"), "device.added", [&] {
    ASSERT_TRUE(wire::http_call(hub.on_socket("POST", "/api/v1/devices", kAddBody)));
  });
  EXPECT_EQ(text.substr(0, 13), ": heartbeat\n\n") << text;
  EXPECT_NE(text.find("id: 1\ndata: {"), std::string::npos) << text;
}

TEST(Streams, ResumeAsJsonLines) {
  FakeHub hub;
  for (std::uint64_t i = 1; i <= 200; ++i) test::store_event(hub.store(), i);
  const std::string text = read_until(watch(hub, "application/jsonl", "?after=10"), R"("seq":"200","object")");
  EXPECT_NE(text.find(R"({"type":"CHANGED","seq":"11","object":)"), std::string::npos);
  EXPECT_EQ(text.find(R"("CHANGED","seq":"10")"), std::string::npos);
}

TEST(Streams, BeatWhenNothingHappens) {
  const FakeHub hub({}, [](ServerOptions& options) { options.heartbeat = 10ms; });
  const std::string text = read_until(watch(hub, "text/event-stream"), ": heartbeat\n\n: heartbeat\n\n: heartbeat\n\n");
  EXPECT_EQ(text.substr(0, 13), ": heartbeat\n\n");
}

TEST(Streams, EndWhenTheServerStops) {
  FakeHub hub;
  const wire::HttpRequest request = watch(hub, "text/event-stream");
  std::atomic<bool> is_linked{false};
  std::jthread viewer([&] {
    static_cast<void>(wire::http_stream(request, [&](std::string_view) {
      is_linked = true;
      return true;
    }));
  });
  while (!is_linked) std::this_thread::yield();
  hub.server().stop();  // joins the viewer's thread in the server; would hang for the heartbeat's 15 s otherwise
}

TEST(Streams, ABadResumePointIsAnOrdinaryError) {
  const FakeHub hub;
  const auto response = wire::http_call(watch(hub, "text/event-stream", "?after=x"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 400);
}

TEST(Streams, HaveRoomForSoManyViewersAndNoMore) {
  Desk desk({}, [](const ApiCall&) { return true; });
  for (std::size_t i = 0; i < kViewersMax; ++i) ASSERT_TRUE(desk.seat_viewer());
  EXPECT_EQ(told(desk.seat_viewer()).substr(0, 17), "TOO_MANY_VIEWERS:");
  desk.unseat_viewer();
  EXPECT_TRUE(desk.seat_viewer()) << "one has left";
}

}  // namespace
}  // namespace kelpie::hub
