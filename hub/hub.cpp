#include "hub/hub.h"

#include <algorithm>

#include <fmt/core.h>

#include "hub/api/release_rules.h"
#include "hub/core/archives.h"
#include "hub/inbound.h"
#include "hub/records/records.h"
#include "proto/base/log.h"

namespace kelpie::hub {
namespace {

std::uint32_t epoch_of(const HubIdentity& identity) {
  const wire::TrustHub* hub = identity.trust.hub(identity.key.public_key());
  return hub == nullptr ? 0 : hub->epoch;
}

}  // namespace

Hub::Hub(HubIdentity identity, HubSeams seams, std::string broker_url)
    : identity_(std::move(identity)),
      seams_(std::move(seams)),
      broker_url_(std::move(broker_url)),
      signer_{identity_.key, identity_.trust.installation, epoch_of(identity_), seams_.archive_door} {}

Result<std::unique_ptr<Hub>> Hub::open(HubIdentity identity, HubSeams seams, std::string broker_url, WallTime now) {
  if (identity.trust.hub(identity.key.public_key()) == nullptr) {
    return fail({.code = Code::FailedPrecondition,
                 .message = "the trust document does not name this key as a hub's",
                 .reason = "E_ROLE",
                 .hint = "give --keys the hub folder that kelpie hub init made"});
  }
  auto hub = std::unique_ptr<Hub>(new Hub(std::move(identity), std::move(seams), std::move(broker_url)));
  const InstallationId& installation = hub->identity_.trust.installation;
  KELPIE_TRY(hub->state_, records::load(hub->seams_.store, installation));
  if (hub->seams_.anchor != nullptr) KELPIE_TRY(hub->seams_.anchor->check(hub->state_.audit));
  KELPIE_TRY(records::mark(hub->seams_.store, installation, now));
  for (auto& [digest, release] : hub->state_.releases) {
    if (release.scope == kDeviceScope) release.wants = wants_of_frame(release.frame);
    if (release.scope == kAdhocScope) release.asks_for_archive = asks_for_archive_in_frame(release.frame);
  }
  Effects effects;
  KELPIE_TRY(rebuild(hub->state_, now, effects));
  hub->state_.trust_version = hub->identity_.trust.version;
  hub->now_ = now;
  decide(hub->state_, HubStarted{random_bytes<Digest>(hub->seams_.entropy)}, now, effects);
  KELPIE_TRY(hub->seams_.store.commit(records::to_batch(hub->state_, effects)));
  if (hub->seams_.archives != nullptr) {
    hub->state_.archive_limits = hub->seams_.archives->limits();
    KELPIE_TRY(hub->seams_.archives->keep_only(archive_files(hub->state_)));
  }
  return hub;
}

void Hub::reached(std::string_view point) const {
  if (seams_.on_point) seams_.on_point(point);
}

void Hub::take(const FrameArrived& frame, Turnover& turnover) {
  const Result<ReportReceived> report = parse_report(as_bytes(frame.bytes), state_, identity_.trust);
  if (report) {
    decide(state_, *report, now_, turnover.effects);
    return;
  }
  decide(state_, FrameRefused{report.error().reason}, now_, turnover.effects);
  // The first of each kind is a line; the rest is a number in the metrics, so that a flood writes no log.
  if (state_.refusals[report.error().reason] == 1) {
    log::warn("frame refused", {{"code", report.error().reason}, {"why", report.error().message}});
  }
}

void Hub::take(const LinkChanged& link, Turnover& turnover) {
  is_connected_ = link.is_connected;
  turnover.must_greet = link.is_connected;
  decide(state_, BrokerLink{link.is_connected}, now_, turnover.effects);
}

void Hub::take(const ApiCall& call, Turnover& turnover) {
  if (!is_write(call)) {
    turnover.pending.push_back({.call = &call, .error = std::nullopt});
    return;
  }
  Result<ApiWrite> write = to_write(call, identity_.trust, now_);
  if (!write) {
    turnover.pending.push_back({.call = &call, .error = write.error()});
    return;
  }
  turnover.pending.push_back({.call = &call, .error = std::nullopt});
  decide(state_, *write, now_, turnover.effects);
}

Result<void> Hub::step(std::span<const Incoming> incoming, WallTime now) {
  now_ = std::max(now_, now);  // a clock that steps back must not undo deadlines
  Turnover turnover;
  for (const Incoming& one : incoming) {
    std::visit([&](const auto& what) { take(what, turnover); }, one);
  }
  decide(state_, Tick{}, now_, turnover.effects);
  const Batch batch = records::to_batch(state_, turnover.effects);
  if (!batch.is_empty()) {
    reached("before-commit");
    KELPIE_TRY(seams_.store.commit(batch));
    reached("after-commit");
    if (seams_.anchor != nullptr && !turnover.effects.audit.empty()) KELPIE_TRY(seams_.anchor->note(state_.audit));
  }
  act(turnover);
  return {};
}

void Hub::act(const Turnover& turnover) {
  if (turnover.must_greet) {
    const Outgoing notice = seal_notice(state_, signer_);
    seams_.bus.publish(notice.topic, as_bytes(notice.frame));
  }
  const std::vector<Outgoing> letters = seal_messages(state_, turnover.effects.messages, signer_, now_);
  for (const Outgoing& letter : letters) seams_.bus.publish(letter.topic, as_bytes(letter.frame));
  if (!letters.empty()) reached("after-publish");
  if (seams_.archives != nullptr) {
    for (const std::string& file : turnover.effects.dropped_files) seams_.archives->drop(file);
  }
  answer(turnover);
  if (!turnover.effects.feed.empty()) seams_.door.feed(turnover.effects.feed);
  for (const FeedEvent& event : turnover.effects.feed) {
    log::info(event.type, {{"object", event.object}, {"reason", event.reason}, {"message", event.message}});
  }
}

void Hub::answer(const Turnover& turnover) {
  const ApiView view{.state = state_,
                     .store = seams_.store,
                     .trust = identity_.trust,
                     .hub_name = identity_.trust.name,
                     .broker_url = broker_url_,
                     .is_broker_connected = is_connected_,
                     .archives = seams_.archive_door.origin};
  const std::vector<Reply>& replies = turnover.effects.replies;
  for (const Pending& pending : turnover.pending) {
    const ApiCall& call = *pending.call;
    if (pending.error) {
      seams_.door.deliver(call.request, fail(*pending.error));
      continue;
    }
    const auto reply =
        std::find_if(replies.begin(), replies.end(), [&](const Reply& one) { return one.request == call.request; });
    if (reply == replies.end()) {
      seams_.door.deliver(call.request, answer_read(call, view, now_));
    } else if (!reply->object) {
      seams_.door.deliver(call.request, fail(reply->object.error()));
    } else {
      seams_.door.deliver(call.request, answer_write(call, *reply->object, view, now_));
    }
  }
}

}  // namespace kelpie::hub
