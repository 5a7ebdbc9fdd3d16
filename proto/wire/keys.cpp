#include "proto/wire/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <vector>

#include <fmt/core.h>
#include <sodium.h>

#include "proto/base/fd.h"

namespace kelpie::wire {
namespace {

constexpr std::string_view kFormat = "kelpie-key-v1";
constexpr std::string_view kPlainLabel = "kelpie-key-v1 plain ";
constexpr std::string_view kWrappedLabel = "kelpie-key-v1 argon2id";  // authenticated beside the ciphertext
constexpr std::size_t kSeedBytes = crypto_sign_SEEDBYTES;
constexpr std::size_t kSeedTextBytes = sodium_base64_ENCODED_LEN(kSeedBytes, sodium_base64_VARIANT_ORIGINAL);
constexpr std::size_t kSaltBytes = crypto_pwhash_SALTBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kSealedBytes = kSeedBytes + crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kFileBytesMax = 1024;  // chosen: a wrapped key takes about 200
// A key file may not ask for more than libsodium's SENSITIVE profile: it could otherwise hang or exhaust the reader.
constexpr std::uint64_t kOpsMax = crypto_pwhash_OPSLIMIT_SENSITIVE;
constexpr std::uint64_t kMemoryBytesMax = crypto_pwhash_MEMLIMIT_SENSITIVE;

void start_sodium() {
  static const int rc = sodium_init();
  KELPIE_ASSERT(rc >= 0);
}

/// Bytes that are wiped when they go out of scope.
template <std::size_t N>
struct Wiped {
  std::array<std::uint8_t, N> bytes{};
  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { sodium_memzero(bytes.data(), bytes.size()); }
};
using Seed = Wiped<kSeedBytes>;

std::string os_reason() {
  return std::generic_category().message(errno);
}

tl::unexpected<Error> not_a_key(const std::string& path, std::string_view why) {
  return fail(Code::InvalidArgument, fmt::format("\"{}\" is no key file: {}", path, why));
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t blank = line.find(' ');
    out.push_back(line.substr(0, blank));
    if (blank == std::string_view::npos) return out;
    line.remove_prefix(blank + 1);
  }
}

bool decode(std::string_view base64, std::span<std::uint8_t> out) {
  std::size_t size = 0;
  const char* end = nullptr;
  const int rc = sodium_base642bin(out.data(), out.size(), base64.data(), base64.size(), nullptr, &size, &end,
                                   sodium_base64_VARIANT_ORIGINAL);
  return rc == 0 && size == out.size() && end == base64.data() + base64.size();
}

std::uint64_t decode_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

struct Wrapping {
  std::uint64_t ops = crypto_pwhash_OPSLIMIT_MODERATE;
  std::uint64_t memory_bytes = crypto_pwhash_MEMLIMIT_MODERATE;
  std::array<std::uint8_t, kSaltBytes> salt{};
  std::array<std::uint8_t, kNonceBytes> nonce{};
};

Result<void> derive(const Wrapping& wrapping, std::string_view passphrase, Seed& out) {
  const int rc =
      crypto_pwhash(out.bytes.data(), out.bytes.size(), passphrase.data(), passphrase.size(), wrapping.salt.data(),
                    wrapping.ops, static_cast<std::size_t>(wrapping.memory_bytes), crypto_pwhash_ALG_ARGON2ID13);
  if (rc == 0) return {};
  return fail(Code::ResourceExhausted,
              fmt::format("cannot derive the key from the passphrase: {} bytes of memory are not there",
                          wrapping.memory_bytes));
}

Result<void> unwrap(const std::string& path, const std::vector<std::string_view>& words, std::string_view passphrase,
                    Seed& seed) {
  Wrapping wrapping{.ops = decode_number(words[2]), .memory_bytes = decode_number(words[3])};
  std::array<std::uint8_t, kSealedBytes> sealed{};
  if (wrapping.ops < crypto_pwhash_OPSLIMIT_MIN || wrapping.ops > kOpsMax ||
      wrapping.memory_bytes < crypto_pwhash_MEMLIMIT_MIN || wrapping.memory_bytes > kMemoryBytesMax) {
    return not_a_key(path, "its Argon2id limits are out of range");
  }
  if (!decode(words[4], wrapping.salt) || !decode(words[5], wrapping.nonce) || !decode(words[6], sealed)) {
    return not_a_key(path, "salt, nonce or ciphertext is not base64 of the right length");
  }
  if (passphrase.empty()) {
    return fail({.code = Code::FailedPrecondition,
                 .message = fmt::format("key file \"{}\" is wrapped and no passphrase was given", path),
                 .reason = {},
                 .hint = "give the passphrase the key was made with"});
  }
  Seed wrapping_key;
  KELPIE_TRY(derive(wrapping, passphrase, wrapping_key));
  const ByteView label = as_bytes(kWrappedLabel);
  const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(seed.bytes.data(), nullptr, nullptr, sealed.data(),
                                                            sealed.size(), label.data(), label.size(),
                                                            wrapping.nonce.data(), wrapping_key.bytes.data());
  if (rc != 0) {
    return fail(Code::FailedPrecondition, fmt::format("passphrase does not open key file \"{}\"", path));
  }
  return {};
}

Result<void> parse_seed(const std::string& path, std::string_view text, std::string_view passphrase, Seed& seed) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() < 2 || words[0] != kFormat) return not_a_key(path, "it does not begin with kelpie-key-v1");
  if (words[1] == "argon2id" && words.size() == 7) return unwrap(path, words, passphrase, seed);
  if (words[1] != "plain" || words.size() != 3) return not_a_key(path, "it is neither plain nor argon2id");
  if (!decode(words[2], seed.bytes)) return not_a_key(path, "its seed is not base64 of 32 bytes");
  return {};
}

Result<std::size_t> read_private(const std::string& path, std::span<std::uint8_t> out) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.is_open()) {
    const Code code = errno == ENOENT ? Code::NotFound : errno == EACCES ? Code::PermissionDenied : Code::Unavailable;
    return fail(code, fmt::format("cannot open key file \"{}\": {}", path, os_reason()));
  }
  struct stat found {};
  if (fstat(file.get(), &found) != 0) {
    return fail(Code::Unavailable, fmt::format("cannot read key file \"{}\": {}", path, os_reason()));
  }
  if (!S_ISREG(found.st_mode)) return not_a_key(path, "it is no regular file");
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail({.code = Code::PermissionDenied,
                 .message = fmt::format("key file \"{}\" is open to others: mode is {:04o}, must be 0600", path,
                                        found.st_mode & 07777U),
                 .reason = {},
                 .hint = fmt::format("chmod 600 {}, and make a new key if others may have read it", path)});
  }
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t got = read(file.get(), out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::Unavailable, fmt::format("cannot read key file \"{}\": {}", path, os_reason()));
    if (got == 0) return size;
    size += static_cast<std::size_t>(got);
  }
  return not_a_key(path, "it is too long");
}

bool sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const Fd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.is_open() && fsync(directory.get()) == 0;
}

Result<void> write_private(const std::string& path, ByteView bytes) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.is_open()) {
    const Code code = errno == EEXIST ? Code::AlreadyExists : Code::Unavailable;
    return fail(code, fmt::format("cannot create key file \"{}\": {}", path, os_reason()));
  }
  if (write_all(file, as_text(bytes)) && fsync(file.get()) == 0 && sync_folder_of(path)) return {};
  const std::string why = os_reason();
  unlink(path.c_str());  // half a key must not look like one
  return fail(Code::Unavailable, fmt::format("cannot write key file \"{}\": {}", path, why));
}

/// Base64 text that is wiped: the plain form of a seed passes through it.
template <std::size_t N>
std::string_view encode(std::span<const std::uint8_t> bytes, Wiped<N>& out) {
  char* text = reinterpret_cast<char*>(out.bytes.data());
  sodium_bin2base64(text, N, bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  return text;
}

template <typename Id>
Id named_by(const PublicKey& key) {
  Id out;
  const ShortDigest digest = blake2b_128(key.view());
  std::copy(digest.view().begin(), digest.view().end(), out.writable().begin());
  return out;
}

Result<std::string> wrapped_line(const Seed& seed, Entropy& entropy, std::string_view passphrase) {
  Wrapping wrapping;
  entropy.fill(wrapping.salt);
  entropy.fill(wrapping.nonce);
  Seed wrapping_key;
  KELPIE_TRY(derive(wrapping, passphrase, wrapping_key));
  std::array<std::uint8_t, kSealedBytes> sealed{};
  const ByteView label = as_bytes(kWrappedLabel);
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data(), nullptr, seed.bytes.data(), seed.bytes.size(), label.data(),
                                             label.size(), nullptr, wrapping.nonce.data(), wrapping_key.bytes.data());
  return fmt::format("{} {} {} {} {} {}\n", kWrappedLabel, wrapping.ops, wrapping.memory_bytes,
                     to_base64(wrapping.salt), to_base64(wrapping.nonce), to_base64(sealed));
}

}  // namespace

/// libsodium's 64-byte form (seed ‖ public key), always derived from the seed, in locked and guarded memory.
struct SigningKey::Secret {
  std::uint8_t* key = nullptr;

  explicit Secret(const Seed& seed, PublicKey& public_key)
      : key(static_cast<std::uint8_t*>(sodium_malloc(crypto_sign_SECRETKEYBYTES))) {
    KELPIE_ASSERT(key != nullptr);
    crypto_sign_seed_keypair(public_key.writable().data(), key, seed.bytes.data());
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { sodium_free(key); }
};

KeyId key_id(const PublicKey& key) {
  return named_by<KeyId>(key);
}
DeviceId device_id_of(const PublicKey& key) {
  return named_by<DeviceId>(key);
}

SigningKey SigningKey::generate(Entropy& entropy) {
  start_sodium();
  Seed seed;
  entropy.fill(seed.bytes);
  PublicKey public_key;
  auto secret = std::make_unique<Secret>(seed, public_key);
  return {std::move(secret), public_key};
}

Result<SigningKey> SigningKey::load(const std::string& path, std::string_view passphrase) {
  start_sodium();
  Wiped<kFileBytesMax> text;
  KELPIE_TRY(const std::size_t size, read_private(path, text.bytes));
  Seed seed;
  KELPIE_TRY(parse_seed(path, as_text(ByteView(text.bytes).first(size)), passphrase, seed));
  PublicKey public_key;
  auto secret = std::make_unique<Secret>(seed, public_key);
  return SigningKey(std::move(secret), public_key);
}

Result<void> SigningKey::save(const std::string& path, Entropy& entropy, std::string_view passphrase) const {
  KELPIE_ASSERT(secret_ != nullptr);
  Seed seed;
  std::copy_n(secret_->key, kSeedBytes, seed.bytes.begin());
  if (!passphrase.empty()) {
    KELPIE_TRY(const std::string line, wrapped_line(seed, entropy, passphrase));
    return write_private(path, as_bytes(line));
  }
  Wiped<kSeedTextBytes> encoded;
  const std::string_view base64 = encode(seed.bytes, encoded);
  Wiped<kPlainLabel.size() + kSeedTextBytes> line;  // the place of the encoding's zero byte takes the line's end
  std::copy(kPlainLabel.begin(), kPlainLabel.end(), line.bytes.begin());
  std::copy(base64.begin(), base64.end(), line.bytes.begin() + kPlainLabel.size());
  line.bytes.back() = '\n';
  return write_private(path, line.bytes);
}

SigningKey::SigningKey(std::unique_ptr<Secret> secret, const PublicKey& public_key)
    : secret_(std::move(secret)), public_key_(public_key) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Signature SigningKey::sign(ByteView message) const {
  KELPIE_ASSERT(secret_ != nullptr);
  Signature out;
  crypto_sign_detached(out.writable().data(), nullptr, message.data(), message.size(), secret_->key);
  return out;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  start_sodium();
  return crypto_sign_verify_detached(signature.view().data(), message.data(), message.size(), key.view().data()) == 0;
}

}  // namespace kelpie::wire
