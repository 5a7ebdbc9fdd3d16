// Thousands of MQTT connections in one thread: libmosquitto clients driven from one epoll loop. Paho holds a few
// hundred in a process at best, so the simulator's Bus stands on this instead.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/base/result.h"
#include "proto/wire/bus.h"

namespace kelpie::sim {

struct FleetLinksOptions {
  std::string host = "127.0.0.1";
  int port = 1883;
  std::size_t connecting_max = 50;  // at once; the broker's listen backlog is 100 (mosquitto 2.0.11, src/net.c)
  std::chrono::milliseconds retry_after{1'000};
};

struct FleetLinkCallbacks {
  std::function<void(std::size_t index, std::string payload)> on_message;
  std::function<void(std::size_t index, bool is_connected)> on_link;
};

class FleetLinks {
 public:
  /// Errors: Unavailable when no epoll instance can be made.
  [[nodiscard]] static Result<std::unique_ptr<FleetLinks>> open(FleetLinksOptions options,
                                                                FleetLinkCallbacks callbacks);
  ~FleetLinks();

  /// A client that connects as soon as poll gets to it, and again whenever its link is lost. No other thread may open
  /// files meanwhile.
  std::size_t add(const std::string& client_id, std::vector<std::string> filters);
  /// Off: disconnects and stays away until switched on again.
  void set_power(std::size_t index, bool is_on);
  void publish(std::size_t index, const std::string& topic, ByteView payload);
  /// Calls back in poll whenever the descriptor can be read. Errors: FailedPrecondition for one that epoll cannot wait
  /// for: a file, /dev/null.
  [[nodiscard]] Result<void> watch(int descriptor, std::function<void()> on_readable);
  void unwatch(int descriptor);
  /// Waits for traffic at most this long, moves what can be moved, calls back.
  void poll(std::chrono::milliseconds wait_max);
  [[nodiscard]] std::size_t connected() const;
  /// Why a connection last failed or ended, in the library's words; empty: none did.
  [[nodiscard]] const std::string& trouble() const;
  /// Clients looked at so far, for whatever reason: grows with what happens, not with how many there are.
  [[nodiscard]] std::uint64_t looks() const;

 private:
  struct Loop;
  explicit FleetLinks(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace kelpie::sim
