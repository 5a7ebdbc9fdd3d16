#include "tools/sim/member.h"

namespace kelpie::sim {
namespace {

constexpr std::size_t kInboxMax = 64;  // as in the agent's own program

}  // namespace

Member::Member(std::size_t index, RosterEntry entry, std::uint64_t seed, MemberSeams& seams)
    : index_(index),
      entry_(std::move(entry)),
      seed_(seed),
      seams_(seams),
      id_(wire::device_id_of(key_of(seed, entry_).public_key())) {
  cell_.state.kubernetes.name = entry_.name;
  cell_.state.seed = read_le64(id_.view());
  if (entry_.labels.at("model") == "nuc") {
    cell_.state.model = "Intel NUC7CJYH";
    cell_.state.architecture = "amd64";
    cell_.state.memory_bytes = 8ULL << 30U;
  }
}

Result<void> Member::power_on(const wire::Trust& trust, SteadyTime now) {
  if (agent_) return {};
  ++life_;
  inbox_.clear();
  KELPIE_TRY(agent_,
             agent::Agent::open({key_of(seed_, entry_), trust}, {*this, card_, *this, seams_.entropy, {}}, now));
  return {};
}

void Member::power_off() {
  agent_.reset();
  inbox_.clear();
  ++life_;
}

void Member::put(agent::Incoming incoming) {
  const bool is_frame = std::holds_alternative<agent::FrameArrived>(incoming);
  if (agent_ && (!is_frame || inbox_.size() < kInboxMax)) inbox_.push_back(std::move(incoming));
}

SteadyTime Member::turn(WallTime wall, SteadyTime now) {
  KELPIE_ASSERT(agent_ != nullptr);
  std::vector<agent::Incoming> batch;
  batch.swap(inbox_);
  agent_->step(batch, wall, now);
  return agent_->next_due();
}

}  // namespace kelpie::sim
