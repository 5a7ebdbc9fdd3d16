// The worker's thread: one call after the other, progress on the way, and an end that waits for nothing.
#include "device-agent/worker.h"

#include <gtest/gtest.h>

#include "proto/base/inbox.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;

class WorkerTest : public ::testing::Test {
 protected:
  Worker::Parts parts(Worker::CarryOut carry_out) {
    return {.carry_out = std::move(carry_out),
            .paths = {},
            .snapd_socket = {},
            .push = [this](Incoming incoming, Worker::Weight) { inbox_.push_always(std::move(incoming)); }};
  }
  Incoming next() {
    const std::vector<Incoming> taken = inbox_.take(1, 30s);
    return taken.empty() ? Incoming() : taken.front();
  }
  static Call call(std::uint64_t id) { return {.id = id, .what = FactsCall{}, .limit = 1min}; }

  Inbox<Incoming> inbox_{100};
};

TEST_F(WorkerTest, AnswersEachCallWithItsProgressFirst) {
  Worker worker(parts([](const Call& call, Host& host) {
    host.progress("on the way");
    host.note("change 42");
    CallResult out;
    out.summary = std::to_string(call.id);
    return out;
  }));
  for (std::uint64_t id = 1; id < 4; ++id) {
    worker.start(call(id));
    const Incoming progress = next();
    EXPECT_EQ(std::get<CallProgressed>(progress).id, id);
    EXPECT_EQ(std::get<CallProgressed>(progress).progress, "on the way");
    const Incoming note = next();
    EXPECT_EQ(std::get<CallNoted>(note).id, id);
    EXPECT_EQ(std::get<CallNoted>(note).note, "change 42");
    EXPECT_EQ(std::get<CallFinished>(next()).result.summary, std::to_string(id));
  }
}

TEST_F(WorkerTest, StopEndsAWaitAndACommandAndTellsNothing) {
  Worker worker(parts([](const Call&, Host& host) {
    host.progress("waiting");
    EXPECT_FALSE(host.pause.wait(1h));
    EXPECT_FALSE(host.pause.wait(1h));
    EXPECT_EQ(host.processes.run({.argv = {"/bin/true"}, .input = {}, .limit = 1min}).error().code, Code::Unavailable);
    return CallResult();
  }));
  worker.start(call(1));
  static_cast<void>(next());
  worker.stop();
  EXPECT_EQ(inbox_.size(), 0U);
}

TEST_F(WorkerTest, ACallThatIsGivenUpAnswersSoonAndTheNextOneIsWhole) {
  Worker worker(parts([](const Call& call, Host& host) {
    host.progress("waiting");
    CallResult out;
    out.summary = host.pause.wait(call.id == 1 ? Duration(1h) : Duration(5ms)) ? "whole" : "ended";
    return out;
  }));
  worker.start(call(1));
  static_cast<void>(next());
  worker.give_up(7);  // of another
  worker.give_up(1);
  EXPECT_EQ(std::get<CallFinished>(next()).result.summary, "ended");
  worker.give_up(1);  // over already
  worker.start(call(2));
  static_cast<void>(next());
  EXPECT_EQ(std::get<CallFinished>(next()).result.summary, "whole");
}

TEST_F(WorkerTest, AWaitThatIsOverGoesOn) {
  Worker worker(parts([](const Call&, Host& host) {
    const SteadyTime before = host.pause.now();
    EXPECT_TRUE(host.pause.wait(5ms));
    EXPECT_GE(host.pause.now() - before, 4ms);
    return CallResult();
  }));
  worker.start(call(1));
  EXPECT_TRUE(std::holds_alternative<CallFinished>(next()));
}

}  // namespace
}  // namespace kelpie::agent
