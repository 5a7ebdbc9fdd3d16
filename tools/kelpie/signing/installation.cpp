#include "tools/kelpie/signing/installation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include <fmt/core.h>
#include <kelpie/v1/trust.pb.h>

#include "proto/base/fd.h"
#include "proto/wire/broker_url.h"
#include "proto/wire/frame.h"

namespace kelpie::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 253;   // trust.proto
constexpr std::size_t kPersonBytesMax = 63;  // trust.proto

constexpr std::string_view kBrokerConfig =
    "# Mosquitto for this hub: loopback only until TLS and certificates come. Broker state is disposable: safety and\n"
    "# completeness come from hub and agents, so nothing is persisted and nothing is retained.\n"
    "listener {} {}\n"
    "allow_anonymous true\n"
    "persistence false\n"
    "retain_available false\n"
    "set_tcp_nodelay true\n"
    "max_inflight_messages 1000\n"
    "max_queued_messages 100000\n"
    "max_queued_bytes 268435456\n"
    "message_size_limit 65536\n"
    "max_packet_size 131072\n"
    "max_keepalive 300\n"
    "connection_messages false\n"
    "log_dest stderr\n"
    "log_type error\n"
    "log_type warning\n";

Error cannot(std::string_view what, const std::string& path) {
  return {.code = Code::Unavailable, .message = fmt::format("cannot {} \"{}\": {}", what, path, std::strerror(errno))};
}

Result<void> write_private(const std::string& path, std::string_view text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!fd.is_open()) return fail(cannot("create", path));
  if (!write_all(fd, text) || fsync(fd.get()) != 0) return fail(cannot("write", path));
  return {};
}

/// The two folders under other names until they are whole; removed unless they were kept.
class Unfinished {
 public:
  Unfinished(const std::string& folder, Entropy& entropy)
      : path_(fmt::format("{}/.kelpie-init-{}", folder, random_bytes<Nonce>(entropy).hex())) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  [[nodiscard]] Result<void> make() const {
    for (const std::string& path : {path_, hub(), people()}) {
      if (mkdir(path.c_str(), S_IRWXU) != 0) return fail(cannot("create folder", path));
    }
    return {};
  }
  [[nodiscard]] std::string hub() const { return path_ + "/hub"; }
  [[nodiscard]] std::string people() const { return path_ + "/operator"; }

 private:
  std::string path_;
};

/// Whoever reads it on a terminal sees what was written.
bool is_spoken(const std::string& name, std::size_t bytes_max) {
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7F; };
  return !name.empty() && name.size() <= bytes_max && std::none_of(name.begin(), name.end(), is_control);
}

Result<void> check_wanted(const NewInstallation& wanted) {
  if (!is_spoken(wanted.name, kNameBytesMax)) {
    return fail(Code::InvalidArgument,
                fmt::format("a name has 1 to {} bytes and no control characters", kNameBytesMax));
  }
  std::set<std::string> persons;
  const auto is_new = [&](const std::string& person) { return persons.insert(person).second; };
  if (!is_spoken(wanted.person, kPersonBytesMax) || !is_new(wanted.person)) {
    return fail(Code::InvalidArgument,
                fmt::format("a person's name has 1 to {} bytes and no control characters", kPersonBytesMax));
  }
  for (const NewOperator& one : wanted.colleagues) {
    if (!is_spoken(one.person, kPersonBytesMax) || !is_new(one.person)) {
      return fail(Code::InvalidArgument, fmt::format("operator \"{}\" is named twice, or not at all", one.person));
    }
  }
  for (const std::string name : {"hub", "operator"}) {
    const std::string path = wanted.folder + "/" + name;
    std::error_code error;
    if (!fs::exists(fs::symlink_status(path, error))) continue;
    return fail({.code = Code::AlreadyExists,
                 .message = fmt::format("\"{}\" is there already; keys are never overwritten", path),
                 .reason = {},
                 .hint = "kelpie hub init --dir DIR makes an installation somewhere else"});
  }
  return {};
}

std::string trust_payload(const NewInstallation& wanted, const wire::SigningKey& root, const wire::SigningKey& person,
                          const wire::SigningKey& hub, WallTime now) {
  v1::TrustDocument out;
  out.set_version(1);
  out.set_name(wanted.name);
  out.set_created_unix_s(static_cast<std::uint64_t>(now.unix_ms / 1'000));
  out.add_roots()->set_key(root.public_key().bytes());
  out.mutable_roots(0)->set_person(wanted.person);
  out.set_root_threshold(1);
  out.add_operators()->set_key(person.public_key().bytes());
  out.mutable_operators(0)->set_person(wanted.person);
  for (const NewOperator& one : wanted.colleagues) {
    v1::Operator& colleague = *out.add_operators();
    colleague.set_key(one.key.bytes());
    colleague.set_person(one.person);
  }
  out.add_hubs()->set_key(hub.public_key().bytes());
  out.mutable_hubs(0)->set_epoch(1);
  out.set_change_threshold(1);
  out.set_dangerous_threshold(wanted.colleagues.empty() ? 1 : 2);  // protocol section 1
  return out.SerializeAsString();
}

}  // namespace

Result<MadeInstallation> make_installation(const NewInstallation& wanted, const Passphrase& passphrase, WallTime now,
                                           Entropy& entropy) {
  KELPIE_TRY(check_wanted(wanted));
  KELPIE_TRY(const wire::BrokerUrl broker, wire::parse_broker_url(wanted.broker));
  std::error_code error;
  fs::create_directories(wanted.folder, error);
  const wire::SigningKey root = wire::SigningKey::generate(entropy);
  const wire::SigningKey person = wire::SigningKey::generate(entropy);
  const wire::SigningKey hub = wire::SigningKey::generate(entropy);
  const std::string payload = trust_payload(wanted, root, person, hub, now);
  const InstallationId installation = *InstallationId::from_bytes(blake2b_128(payload).view());
  const std::string frame = wire::seal(wire::FrameType::TrustDoc, installation, as_bytes(payload), root);
  MadeInstallation out{
      .hub_folder = wanted.folder + "/hub", .operator_folder = wanted.folder + "/operator", .trust = {}};
  KELPIE_TRY(out.trust, wire::open_first_trust(as_bytes(frame)));

  const Unfinished folders(wanted.folder, entropy);
  KELPIE_TRY(folders.make());
  KELPIE_TRY(hub.save(folders.hub() + "/hub.key", entropy));
  KELPIE_TRY(write_private(folders.hub() + "/trust.klp", frame));
  KELPIE_TRY(write_private(folders.hub() + "/hub.conf",
                           fmt::format("# kelpie-hub run --config {0}/hub.conf\nkeys = {0}\ndata = {1}\nbroker = {2}\n"
                                       "socket = {3}\n",
                                       out.hub_folder, wanted.data, wanted.broker, wanted.socket)));
  KELPIE_TRY(write_private(folders.hub() + "/mosquitto.conf", fmt::format(kBrokerConfig, broker.port, broker.host)));
  KELPIE_TRY(root.save(folders.people() + "/root.key", entropy, passphrase.text()));
  KELPIE_TRY(person.save(folders.people() + "/operator.key", entropy, passphrase.text()));
  KELPIE_TRY(write_private(folders.people() + "/trust.klp", frame));
  if (rename(folders.people().c_str(), out.operator_folder.c_str()) != 0) {
    return fail(cannot("create", out.operator_folder));
  }
  if (rename(folders.hub().c_str(), out.hub_folder.c_str()) != 0) return fail(cannot("create", out.hub_folder));
  return out;
}

bool has_both_folders(const std::string& path) {
  std::error_code error;
  const fs::path folder = path.empty() ? fs::path("/etc/kelpie/operator") : fs::absolute(path, error).parent_path();
  const auto exists = [&](const fs::path& file) { return fs::exists(file, error); };
  const bool has_hub =
      exists(folder / "hub.key") || exists(folder / "../hub/hub.key") || exists("/etc/kelpie/hub/hub.key");
  const bool has_people = exists(folder / "operator.key") || exists(folder / "../operator/operator.key") ||
                          exists(folder / "../operator/root.key") || exists(folder / "root.key");
  return has_hub && has_people;
}

}  // namespace kelpie::cli
