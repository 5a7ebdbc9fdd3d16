// Viewers and the history they read.
#include "hub/api/watch.h"

#include <gtest/gtest.h>

#include "hub/api/history.h"
#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::MemoryStore;
using test::store_event;
using test::told;

TEST(History, FindsTheNewestEventByHalving) {
  for (std::uint64_t newest = 0; newest <= 70; ++newest) {
    MemoryStore store;
    for (std::uint64_t i = 1; i <= newest; ++i) store_event(store, i);
    EXPECT_EQ(newest_event(store).value(), newest);
  }
}

TEST(History, FindsTheNewestEventWhenOldOnesAreGone) {
  MemoryStore store;
  for (std::uint64_t i = 1'000; i <= 1'017; ++i) store_event(store, i);
  EXPECT_EQ(newest_event(store).value(), 1'017U);
}

TEST(History, ADamagedRecordIsToldNotSkipped) {
  MemoryStore store;
  store_event(store, 1);
  Batch batch;
  batch.puts.push_back({"e/0000000000000002", "\xff\xff"});
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(told(visit_events(store, 0, [](const FeedEvent&) { return true; })),
            "DATA_LOSS: the store holds a damaged event record");
}

TEST(History, ASequenceIsDecimal) {
  EXPECT_EQ(parse_sequence("after", "18446744073709551615").value(), ~0ULL);
  EXPECT_EQ(told(parse_sequence("after", "1x")), "BAD_REQUEST: after: \"1x\" is not a sequence number");
  EXPECT_FALSE(parse_sequence("after", ""));
  EXPECT_FALSE(parse_sequence("after", "-1"));
}

std::vector<std::string> ids(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find("id: "); at != std::string::npos; at = text.find("id: ", at + 1)) {
    out.push_back(text.substr(at + 4, text.find('\n', at) - at - 4));
  }
  return out;
}

TEST(Viewers, SeeWhatComesFromNowOn) {
  MemoryStore store;
  store_event(store, 1);
  Result<Viewer> viewer = Viewer::open(store, {});
  ASSERT_TRUE(viewer);
  EXPECT_EQ(viewer->read().value(), "");
  store_event(store, 2);
  store_event(store, 3);
  EXPECT_EQ(ids(viewer->read().value()), (std::vector<std::string>{"2", "3"}));
  EXPECT_EQ(viewer->read().value(), "");
}

TEST(Viewers, ResumeWhereTheyWere) {
  MemoryStore store;
  for (std::uint64_t i = 1; i <= 5; ++i) store_event(store, i);
  Result<Viewer> viewer = Viewer::open(store, {.after = 3});
  EXPECT_EQ(ids(viewer->read().value()), (std::vector<std::string>{"4", "5"}));
}

TEST(Viewers, SeeOnlyTheirDevice) {
  MemoryStore store;
  store_event(store, 1, "pi-1");
  store_event(store, 2, "pi-2");
  Result<Viewer> viewer = Viewer::open(store, {.after = 0, .rollout = {}, .device = "pi-2"});
  EXPECT_EQ(ids(viewer->read().value()), std::vector<std::string>{"2"});
}

TEST(Viewers, TakeAFreshSnapshotWhenTheyFellTooFarBehindOrAreAhead) {
  MemoryStore store;
  for (std::uint64_t i = 1; i <= kViewerBehindMax + 2; ++i) store_event(store, i);
  Result<Viewer> late = Viewer::open(store, {.after = 1});
  EXPECT_NE(late->read().value().find("event: resync"), std::string::npos);
  Result<Viewer> ahead = Viewer::open(store, {.after = 1'000'000});
  EXPECT_NE(ahead->read().value().find("event: resync"), std::string::npos);
}

TEST(Viewers, JsonLinesSayWhatTheyAre) {
  MemoryStore store;
  store_event(store, 1);
  Result<Viewer> viewer = Viewer::open(store, {.format = StreamFormat::JsonLines, .after = 0});
  EXPECT_EQ(viewer->read().value().substr(0, 37), R"({"type":"CHANGED","seq":"1","object":)");
  EXPECT_EQ(viewer->heartbeat(), "{\"type\":\"HEARTBEAT\",\"seq\":\"1\"}\n");
}

TEST(Watch, TheAcceptHeaderAsksForAStream) {
  HttpRequest request;
  request.method = "GET";
  set_target(request, "/api/v1/events?after=7&device=pi-1");
  EXPECT_EQ(stream_format(request), std::nullopt);
  request.headers["accept"] = "text/event-stream";
  EXPECT_EQ(stream_format(request), StreamFormat::ServerSentEvents);
  const Result<WatchRequest> wanted = parse_watch(request, StreamFormat::ServerSentEvents);
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->after, 7U);
  request.headers["last-event-id"] = "9";
  EXPECT_EQ(parse_watch(request, StreamFormat::ServerSentEvents)->after, 9U);
  set_target(request, "/api/v1/events?color=red");
  EXPECT_EQ(told(parse_watch(request, StreamFormat::ServerSentEvents)).substr(0, 12), "BAD_REQUEST:");
}

}  // namespace
}  // namespace kelpie::hub
