#include "device-agent/init.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "device-agent/records.h"
#include "device-agent/store/state_slots.h"
#include "proto/base/program.h"
#include "proto/wire/broker_url.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kTrustBytesMax = 80U << 10U;  // protocol section 2: 64 KiB and its frame

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Error cannot(std::string_view what, const std::string& path) {
  return {.code = Code::Unavailable,
          .message = fmt::format("cannot {} \"{}\": {}", what, path, std::strerror(errno)),
          .reason = {},
          .hint = {}};
}

Error no_identity(const std::string& state) {
  return {.code = Code::NotFound,
          .message = fmt::format("there is no identity in \"{}\"", state),
          .reason = {},
          .hint = "kelpie-agent init --trust FILE --broker URL"};
}

/// A name for the command to type: the host's, when it is one.
std::string host_name() {
  constexpr std::size_t kNameBytesMax = 64;
  std::array<char, kNameBytesMax + 1> name{};
  if (gethostname(name.data(), kNameBytesMax) != 0 || !is_name(name.data())) return "NAME";
  return name.data();
}

/// The whole file or the one before, on the card when it returns.
Result<void> write_whole(const std::string& path, std::string_view bytes) {
  const std::string part = path + ".part";
  const Fd fd(open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd.is_open()) return fail(cannot("make", part));
  const bool is_whole = write_all(fd, bytes) && fsync(fd.get()) == 0;
  const bool is_placed = is_whole && rename(part.c_str(), path.c_str()) == 0;
  if (!is_placed) return fail(cannot("write", path));
  return {};
}

Result<void> remove_slots(const std::string& state) {
  for (const char* name : {"/state.a", "/state.b"}) {
    if (unlink((state + name).c_str()) != 0 && errno != ENOENT) return fail(cannot("remove", state + name));
  }
  return {};
}

Result<wire::Trust> read_trust(const std::string& path) {
  KELPIE_TRY(const std::string frame, read_small_file(path, "trust document", kTrustBytesMax));
  Result<wire::Trust> trust = wire::open_first_trust(as_bytes(frame));
  if (!trust) return fail(with_context(trust.error(), path));
  return trust;
}

bool is_readable(const std::string& state, const wire::Trust& trust) {
  const Result<std::unique_ptr<StateSlots>> slots = StateSlots::open(state);
  if (!slots) return false;
  const Result<std::string> blob = (*slots)->load();
  return blob && !blob->empty() && records::from_blob(*blob, trust);
}

}  // namespace

Result<Identity> load_identity(const std::string& state) {
  if (!exists(key_file(state))) return fail(no_identity(state));
  KELPIE_TRY(wire::SigningKey key, wire::SigningKey::load(key_file(state)));
  KELPIE_TRY(wire::Trust trust, read_trust(trust_file(state)));
  return Identity{.key = std::move(key), .trust = std::move(trust)};
}

Result<Identity> make_identity(const InitConfig& config, Entropy& entropy) {
  if (config.trust.empty() || config.broker.empty()) {
    return fail(Code::InvalidArgument, "--trust FILE and --broker URL are needed");
  }
  if (exists(key_file(config.state))) {
    return fail(
        {.code = Code::AlreadyExists,
         .message = fmt::format("this device has an identity already, in \"{}\"", config.state),
         .reason = {},
         .hint = "kelpie-agent status shows it; kelpie-agent init --new-state keeps it and begins a new state"});
  }
  KELPIE_TRY(const wire::BrokerUrl broker, wire::parse_broker_url(config.broker));
  KELPIE_TRY(wire::Trust trust, read_trust(config.trust));
  KELPIE_TRY(make_private_folder(config.state));
  KELPIE_TRY(const FolderLock lock, FolderLock::take(config.state));
  KELPIE_TRY(remove_slots(config.state));  // of an identity that somebody removed
  KELPIE_TRY(write_whole(trust_file(config.state), trust.frame));
  KELPIE_TRY(write_whole(config_file(config.state),
                         fmt::format("# Written by kelpie-agent init.\nbroker = {}\n", config.broker)));
  wire::SigningKey key = wire::SigningKey::generate(entropy);
  KELPIE_TRY(key.save(key_file(config.state), entropy));
  return Identity{.key = std::move(key), .trust = std::move(trust)};
}

std::string introduction(const Identity& identity) {
  const DeviceId device = wire::device_id_of(identity.key.public_key());
  return fmt::format(
      "device       {}\nfingerprint  {}\nfleet of     {}\n\nregister it on the hub:\n  kelpie device add {} --key {}\n",
      device.hex(), fingerprint(device.view()), identity.trust.name, host_name(), device.hex());
}

Result<void> renew_state(const std::string& state) {
  KELPIE_TRY(const Identity identity, load_identity(state));
  KELPIE_TRY(const FolderLock lock, FolderLock::take(state));
  if (is_readable(state, identity.trust)) {
    return fail(
        {.code = Code::FailedPrecondition,
         .message = "the state can be read: beginning a new one would forget which releases this device has seen",
         .reason = {},
         .hint = {}});
  }
  return remove_slots(state);
}

Result<FolderLock> FolderLock::take(const std::string& state) {
  Fd folder(open(state.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return fail(no_identity(state));
  if (flock(folder.get(), LOCK_EX | LOCK_NB) == 0) return FolderLock(std::move(folder));
  return fail({.code = Code::FailedPrecondition,
               .message = fmt::format("an agent is running on \"{}\"", state),
               .reason = {},
               .hint = "systemctl stop kelpie-agent"});
}

}  // namespace kelpie::agent
