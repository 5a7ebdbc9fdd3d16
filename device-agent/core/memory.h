// All an agent knows while it runs: the ledger, which is on the card, and what is made anew at each start.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "device-agent/core/call.h"
#include "device-agent/core/ledger.h"

namespace kelpie::agent {

inline constexpr Duration kLookEvery = std::chrono::minutes(1);    // facts; a checkup is every tenth of them
inline constexpr Duration kNonceValid = std::chrono::minutes(10);  // protocol section 3, go_valid

/// The call a worker has in hand.
struct Running {
  std::uint64_t id = 0;
  SteadyTime since;
  std::optional<AttemptId> attempt;  // none: facts
  std::string progress;
  friend bool operator==(const Running&, const Running&) = default;
};

/// How the attempt in hand ends, as soon as the device has looked at what became of it.
struct Ending {
  AttemptState state = AttemptState::Succeeded;
  FailedOutcome outcome = FailedOutcome::None;
  friend bool operator==(const Ending&, const Ending&) = default;
};

/// What a report says and when the next one is due.
struct Telling {
  bool is_connected = false;
  bool must_report = false;            // something changed that the hub waits for
  bool has_news = false;               // something changed that may wait for two seconds
  bool must_hello = true;              // until a beacon of this connection came
  std::uint32_t connection = 0;        // of this boot
  std::uint64_t sequence = 0;          // of the newest report sent
  std::uint64_t acknowledged = 0;      // newest of this boot that the hub has committed
  std::uint64_t final_since = 0;       // first report that said the attempt's end; 0: none yet
  std::uint64_t facts_since = 0;       // first report with the present facts; 0: not sent yet
  std::uint64_t connection_since = 0;  // first report of this connection; 0: none yet
  std::uint32_t repeats = 0;           // of an end that is not acknowledged
  SteadyTime last_at;
  SteadyTime due;
  Duration heartbeat = std::chrono::seconds(30);
  Duration reconnect_window{};  // of the newest notice; zero: none came yet
  Nonce hub_nonce;              // to be quoted once; zero: none
};

struct Memory {
  Ledger ledger;

  BootId boot;
  Digest nonce_secret;  // fresh at each start, never stored: no nonce of an earlier run can be made again
  std::uint64_t nonces = 0;
  std::uint32_t trust_version = 1;
  std::uint64_t calls = 0;
  SteadyTime now;

  Nonce nonce;  // of PREPARED; zero: void
  SteadyTime prepared_at;
  Phase phase = Phase::Observe;  // of the step in hand
  bool is_confirmed = true;      // false after a restart in the middle, until the hub says it holds the attempt
  SteadyTime run_since;          // when this boot took the attempt in hand: for Attempt::spent
  Duration spent_before{};       // Attempt::spent at that time
  std::optional<SteadyTime> soak_until;
  SteadyTime check_at;              // next proof while soaking
  std::uint32_t undo_failures = 0;  // in a row, of the step in hand
  std::optional<Attempt> refused;   // said once, held nowhere

  std::optional<Running> running;
  Facts facts;
  bool has_facts = false;
  SteadyTime facts_told_at;      // when what is told now was found
  bool are_facts_old = false;    // steps were carried out, or taken back, since they were taken
  std::optional<Ending> ending;  // waits for them: a report of an end says what the device is then
  SteadyTime facts_due;
  SteadyTime checkup_due;
  SteadyTime checked_up_at;
  Duration look_every = kLookEvery;
  Telling telling;

  std::map<std::string, std::uint64_t> refusals;  // by code
  std::uint32_t mismatches = 0;                   // beacons in a row that hold something else
  bool is_lost = false;                           // both slots were damaged: reading only
  bool is_unwritable = false;                     // the last commit failed: reading only
  bool is_clock_unsure = false;                   // the newest PREPARE waits for the clock to be set
  SteadyTime heard_at;                            // a frame of the hub, or the link's beginning
};

/// The first start of a boot: with an attempt in the ledger, where to take it up.
[[nodiscard]] Memory start_memory(Ledger ledger, const BootId& boot, const Digest& nonce_secret, SteadyTime now);

/// The attempt a report speaks of; null: none.
[[nodiscard]] const Attempt* shown_attempt(const Memory& memory);
/// state-lost, state-unwritable, clock-unsure, withheld; empty when well.
[[nodiscard]] std::string_view health_note(const Memory& memory);
/// There is a broker, and for three heartbeats no word of a hub: it is away, or does not know this device.
[[nodiscard]] bool is_isolated(const Memory& memory);
/// Its next report introduces it: to a new connection, and to a hub that does not answer, which may not know it (it
/// was registered anew, or its store is older than this device).
[[nodiscard]] bool says_hello(const Memory& memory);

}  // namespace kelpie::agent
