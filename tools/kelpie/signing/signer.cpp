#include "tools/kelpie/signing/signer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/core.h>

namespace kelpie::cli {
namespace {

constexpr std::size_t kFrameBytesMax = 65'536 + 1'024;  // the largest payload in a file and room for eight signatures

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

}  // namespace

Result<std::string> read_frame_file(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) return fail(Code::NotFound, fmt::format("cannot open \"{}\": {}", path, std::strerror(errno)));
  std::string bytes(kFrameBytesMax + 1, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  if (bytes.size() > kFrameBytesMax) return fail(Code::InvalidArgument, fmt::format("\"{}\" is too large", path));
  return bytes;
}

Result<void> write_new_file(const std::string& path, std::string_view bytes) {
  const File file(std::fopen(path.c_str(), "wbxe"), std::fclose);
  const auto cannot = [&] { return fmt::format("cannot write \"{}\": {}", path, std::strerror(errno)); };
  if (!file) return fail(errno == EEXIST ? Code::AlreadyExists : Code::Unavailable, cannot());
  if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() || std::fflush(file.get()) != 0) {
    return fail(Code::Unavailable, cannot());
  }
  return {};
}

Result<wire::Trust> read_trust_file(const std::string& path) {
  KELPIE_TRY(const std::string bytes, read_frame_file(path));
  Result<wire::Trust> trust = wire::open_first_trust(as_bytes(bytes));
  if (!trust) return fail(with_context(trust.error(), path));
  return trust;
}

std::string trust_beside(const std::string& key_path) {
  const std::size_t slash = key_path.rfind('/');
  return slash == std::string::npos ? "trust.klp" : key_path.substr(0, slash + 1) + "trust.klp";
}

Result<wire::SigningKey> load_key(const std::string& path, const std::function<Result<Passphrase>()>& ask) {
  Result<wire::SigningKey> plain = wire::SigningKey::load(path);
  if (plain || plain.error().code != Code::FailedPrecondition) return plain;
  KELPIE_TRY(const Passphrase passphrase, ask());
  Result<wire::SigningKey> opened = wire::SigningKey::load(path, passphrase.text());
  if (opened || opened.error().code != Code::FailedPrecondition) return opened;
  return fail(Code::PermissionDenied, opened.error().message);  // a wrong passphrase: not allowed
}

Result<Signer> make_signer(wire::SigningKey key, wire::Trust trust) {
  std::string person = trust.person(key.public_key());
  if (person.empty()) {
    return fail(
        {.code = Code::PermissionDenied,
         .message = fmt::format("key {} belongs to no operator of {}", fingerprint_of(key.public_key()), trust.name),
         .reason = "E_ROLE",
         .hint = "kelpie trust show"});
  }
  return Signer{.key = std::move(key), .trust = std::move(trust), .person = std::move(person)};
}

std::string signed_frame(wire::FrameType type, const std::string& payload, const Signer& signer) {
  return wire::seal(type, signer.trust.installation, as_bytes(payload), signer.key);
}

std::string fingerprint_of(const wire::PublicKey& key) {
  return fingerprint(wire::key_id(key).view());
}

}  // namespace kelpie::cli
