// An event stream on its way to one viewer. Its thread waits here until there is something to send.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "hub/api/desk.h"
#include "hub/api/watch.h"

namespace kelpie::hub {

class EventStream {
 public:
  /// Errors: TOO_MANY_VIEWERS; NotSupported without a store; those of Viewer::open.
  [[nodiscard]] static Result<std::unique_ptr<EventStream>> open(Desk& desk, WatchRequest wanted);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  [[nodiscard]] std::string content_type() const { return viewer_.content_type(); }
  /// Waits for something to send and copies as much as fits. 0: the stream has ended.
  [[nodiscard]] std::size_t read(std::span<char> out);

 private:
  EventStream(Desk& desk, Viewer viewer);
  [[nodiscard]] std::string next();
  Desk& desk_;
  Viewer viewer_;
  std::string pending_;
  std::size_t sent_ = 0;  // of pending_
};

}  // namespace kelpie::hub
