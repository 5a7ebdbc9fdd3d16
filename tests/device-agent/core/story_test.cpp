// One attempt from the hub's first word to the last, as a person would tell it.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/device-agent/core/core_world.h"

namespace kelpie::agent {
namespace {

using namespace std::chrono_literals;
using test::CoreWorld;

class Story {
 public:
  CoreWorld world;

  void hub(const std::string& what, const Event& event) {
    line("hub", what);
    world.hear(event);
    told();
  }
  void beacon() {
    line("hub", fmt::format("beacon {}", world.memory.telling.sequence));
    world.acknowledge();
    told();
  }
  /// The worker is asked, and answers.
  void worker(const std::string& answered, const CallResult& result) {
    line("worker", fmt::format("{}: {}", world.ask(), answered));
    world.answer(result);
    told();
  }
  /// The worker has no step to do and looks what became of the device.
  void look() {
    line("worker", world.ask().empty() ? "looks" : "does something");
    told();
  }
  void power_cut() {
    line("power", "gone and back");
    world.restart();
    told();
    line("worker", world.ask().empty() ? "waits" : "does something");
  }
  void wait(Duration time) { world.move(time); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void line(std::string_view who, std::string_view what) { text_ += fmt::format("{:7} {}\n", who, what); }
  void told() {
    if (world.speak() > 0) line("device", fmt::format("{} {}", world.memory.telling.sequence, world.shown()));
  }
  std::string text_;
};

TEST(Story, ADeploymentThatOnlyLookedWell) {
  Story story;
  story.world.speak();
  story.hub("PREPARE", test::prepare());
  story.worker("nothing installed", test::satisfied("absent"));
  story.worker("fetched", test::satisfied("stopped"));
  story.worker("images pinned", test::satisfied("empty"));
  story.hub("GO", story.world.go(1min));
  story.worker("is installed", test::satisfied());
  story.wait(2s);
  story.worker("not started", test::unmet());
  story.worker("started", test::satisfied());
  story.power_cut();
  story.beacon();
  story.worker("is started", test::satisfied());
  story.wait(2s);
  story.worker("not deployed", test::unmet());
  story.worker("applied", test::satisfied());
  story.worker("pods ready", test::satisfied());
  story.wait(2s);
  story.worker("hold", test::satisfied());
  story.wait(15s);
  story.worker("hold", test::satisfied());
  story.wait(15s);
  story.worker("kiosk restarts again and again", test::failed("crash-loop"));
  story.worker("last good set applied", test::satisfied());
  story.worker("stopped", test::satisfied());
  story.look();
  story.beacon();
  EXPECT_EQ(story.text(),
            "hub     PREPARE\n"
            "device  2 preparing 1/3: open open open\n"
            "worker  prepare install: nothing installed\n"
            "worker  prepare start: fetched\n"
            "worker  prepare deploy: images pinned\n"
            "device  3 prepared: open open open\n"
            "hub     GO\n"
            "device  4 executing 1/3 observe: open open open\n"
            "worker  observe install: is installed\n"
            "worker  observe start: not started\n"
            "device  5 executing 2/3 run: unchanged open open\n"
            "worker  run start: started\n"
            "power   gone and back\n"
            "device  1 executing 2/3 observe: unchanged open open\n"
            "worker  waits\n"
            "hub     beacon 1\n"
            "worker  observe start: is started\n"
            "worker  observe deploy: not deployed\n"
            "device  2 executing 3/3 run: unchanged changed open\n"
            "worker  run deploy: applied\n"
            "worker  verify deploy: pods ready\n"
            "device  3 verifying: unchanged changed changed\n"
            "worker  checks: hold\n"
            "device  4 soaking: unchanged changed changed\n"
            "worker  checks: hold\n"
            "worker  checks: kiosk restarts again and again\n"
            "device  5 executing 3/3 undo: unchanged changed changed, crash-loop\n"
            "worker  undo deploy: last good set applied\n"
            "worker  undo start: stopped\n"
            "worker  looks\n"
            "device  6 failed(restored): unchanged undone undone, crash-loop\n"
            "hub     beacon 6\n");
}

}  // namespace
}  // namespace kelpie::agent
