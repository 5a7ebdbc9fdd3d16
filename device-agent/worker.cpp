#include "device-agent/worker.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "device-agent/host/http_put.h"
#include "device-agent/host/posix_process.h"
#include "device-agent/host/snapd_http.h"
#include "device-agent/host/system_files.h"
#include "proto/base/inbox.h"

namespace kelpie::agent {
namespace {

/// Waits on the system's clock until it is over or the agent ends.
class StoppablePause final : public Pause {
 public:
  [[nodiscard]] SteadyTime now() override { return SystemClock().steady(); }
  [[nodiscard]] WallTime wall() override { return SystemClock().wall(); }
  [[nodiscard]] bool wait(Duration duration) override {
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, duration, [this] { return is_stopping_; });
  }
  void set_stopping(bool is_stopping) {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = is_stopping;
    }
    stopped_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopping_ = false;
};

constexpr std::chrono::hours kIdle{1};

}  // namespace

struct Worker::Thread {
  explicit Thread(Parts given) : parts(std::move(given)), snapd(parts.snapd_socket) {}

  void work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const Call& call : calls.take(1, kIdle)) {
        begin(call.id, stop);
        Host host{.processes = processes,
                  .snapd = snapd,
                  .files = files,
                  .pause = pause,
                  .paths = parts.paths,
                  .progress =
                      [&](std::string line) {
                        parts.push(CallProgressed{.id = call.id, .progress = std::move(line)}, Weight::Progress);
                      },
                  .note =
                      [&](std::string note) {
                        parts.push(CallNoted{.id = call.id, .note = std::move(note)}, Weight::Result);
                      },
                  .upload = put_on_loopback};
        CallResult result = parts.carry_out(call, host);
        // What was cut off by the agent's end is judged after its next start, by what is there then.
        if (!stop.stop_requested()) {
          parts.push(CallFinished{.id = call.id, .result = std::move(result)}, Weight::Result);
        }
      }
    }
  }

  void begin(std::uint64_t call_id, const std::stop_token& stop) {
    const std::lock_guard lock(mutex);
    in_hand = call_id;
    if (stop.stop_requested()) return;
    processes.set_stopping(false);
    pause.set_stopping(false);
  }
  void end_in_hand() {
    processes.set_stopping(true);
    pause.set_stopping(true);
  }

  Parts parts;
  std::mutex mutex;           // between a call's begin and whoever ends it
  std::uint64_t in_hand = 0;  // the newest call, over or not
  PosixProcess processes;
  SnapdHttp snapd;
  SystemFiles files;
  StoppablePause pause;
  Inbox<Call> calls{1};
  std::jthread thread;
};

Worker::Worker(Parts parts) : thread_(std::make_unique<Thread>(std::move(parts))) {
  thread_->thread = std::jthread([on = thread_.get()](const std::stop_token& stop) { on->work(stop); });
}

Worker::~Worker() {
  stop();
}

void Worker::start(Call call) {
  const bool is_taken = thread_->calls.push(std::move(call));
  KELPIE_ASSERT(is_taken);  // the core asks for one call at a time
}

void Worker::give_up(std::uint64_t call_id) {
  const std::lock_guard lock(thread_->mutex);
  if (thread_->in_hand == call_id) thread_->end_in_hand();
}

void Worker::stop() {
  if (!thread_->thread.joinable()) return;
  {
    const std::lock_guard lock(thread_->mutex);
    thread_->thread.request_stop();
    thread_->end_in_hand();
  }
  thread_->calls.close();
  thread_->thread.join();
}

}  // namespace kelpie::agent
