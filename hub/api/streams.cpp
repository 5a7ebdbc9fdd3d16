#include "hub/api/streams.h"

#include <algorithm>

#include "proto/base/log.h"

namespace kelpie::hub {

// The first bytes are a heartbeat: the viewer learns at once that it is linked.
EventStream::EventStream(Desk& desk, Viewer viewer)
    : desk_(desk), viewer_(std::move(viewer)), pending_(viewer_.heartbeat()) {}

EventStream::~EventStream() {
  desk_.unseat_viewer();
}

Result<std::unique_ptr<EventStream>> EventStream::open(Desk& desk, WatchRequest wanted) {
  if (desk.options().store == nullptr) return fail(Code::NotSupported, "this hub streams no events");
  KELPIE_TRY(desk.seat_viewer());
  Result<Viewer> viewer = Viewer::open(*desk.options().store, std::move(wanted));
  if (viewer) return std::unique_ptr<EventStream>(new EventStream(desk, std::move(*viewer)));
  desk.unseat_viewer();
  return fail(viewer.error());
}

std::string EventStream::next() {
  while (!desk_.waits().is_stopped()) {
    const std::uint64_t heard = desk_.waits().rings();  // before reading, so that nothing falls in between
    Result<std::string> text = viewer_.read();
    if (!text) {
      log::error("event stream ends: the store cannot be read", {{"reason", text.error().message}});
      return {};
    }
    if (!text->empty()) return std::move(*text);
    desk_.waits().wait_for_ring(heard, desk_.options().heartbeat);
    if (desk_.waits().rings() == heard) return desk_.waits().is_stopped() ? std::string() : viewer_.heartbeat();
  }
  return {};
}

std::size_t EventStream::read(std::span<char> out) {
  if (sent_ == pending_.size()) {
    pending_ = next();
    sent_ = 0;
  }
  const std::size_t count = std::min(out.size(), pending_.size() - sent_);
  std::copy_n(pending_.data() + sent_, count, out.data());
  sent_ += count;
  return count;
}

}  // namespace kelpie::hub
