#include "tests/real/oci_image.h"

#include <sodium.h>
#include <sys/utsname.h>

#include <array>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "proto/base/bytes.h"

namespace kelpie::test {
namespace {

constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";

constexpr std::size_t kBlock = 512;  // POSIX.1-1988: tar

/// One regular file of an archive, in ustar form.
std::string tar_entry(const std::string& name, const std::string& bytes) {
  std::array<char, kBlock> head{};
  const auto put = [&](std::size_t at, const std::string& text) {
    std::memcpy(head.data() + at, text.data(), text.size());
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", bytes.size()));
  put(136, "00000000000");
  put(148, "        ");  // the sum is taken over blanks
  put(156, "0");
  put(257, std::string("ustar\0", 6) + "00");
  unsigned sum = 0;
  for (const char c : head) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  std::string entry(head.data(), head.size());
  entry += bytes;
  entry.append((kBlock - bytes.size() % kBlock) % kBlock, '\0');
  return entry;
}

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [name, bytes] : files) tar += tar_entry(name, bytes);
  return tar + std::string(2 * kBlock, '\0');
}

/// Not compressible, not equal anywhere: whoever reads the middle twice would notice.
std::string filling(const std::string& seed, std::size_t bytes) {
  std::array<unsigned char, randombytes_SEEDBYTES> key{};
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(seed.data()), seed.size(), nullptr,
                     0);
  std::string out(bytes, '\0');
  randombytes_buf_deterministic(out.data(), out.size(), key.data());
  return out;
}

std::string put(OciImage& image, std::string_view type, std::string bytes) {
  std::string digest = sha256_of(bytes);
  image.blobs[digest] = {.type = std::string(type), .bytes = std::move(bytes)};
  return digest;
}

std::string descriptor(const OciImage& image, const std::string& digest, std::string_view more = {}) {
  const OciBlob& blob = image.blobs.at(digest);
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}{}}})", blob.type, digest, blob.bytes.size(), more);
}

std::string platform_of(const std::string& architecture) {
  return fmt::format(R"(,"platform":{{"architecture":"{}","os":"linux"}})", architecture);
}

std::string add_manifest(OciImage& image, const ImageRecipe& recipe, const std::string& architecture) {
  const std::string text = fmt::format("{} for {}", recipe.text, architecture);
  const std::string layer =
      put(image, kLayerType, tar_of({{"app.txt", text + "\n"}, {"filling", filling(text, recipe.layer_bytes)}}));
  image.layers[architecture] = layer;
  const std::string config = put(
      image, kConfigType,
      fmt::format(
          R"({{"architecture":"{}","os":"linux","config":{{"Cmd":["/app"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}})",
          architecture, layer));
  return put(image, kManifestType,
             fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})", kManifestType,
                         descriptor(image, config), descriptor(image, layer)));
}

std::string index_of(const std::vector<std::string>& manifests) {
  std::string list;
  for (const std::string& one : manifests) list += (list.empty() ? "" : ",") + one;
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})", kIndexType, list);
}

}  // namespace

OciImage make_image(const ImageRecipe& recipe) {
  OciImage image;
  std::vector<std::string> architectures = recipe.architectures;
  if (architectures.empty()) architectures = {own_architecture(), other_architecture()};
  std::vector<std::string> manifests;
  for (const std::string& architecture : architectures) {
    const std::string manifest = add_manifest(image, recipe, architecture);
    manifests.push_back(descriptor(image, manifest, platform_of(architecture)));
  }
  image.digest = put(image, kIndexType, index_of(manifests));
  return image;
}

std::string archive_of(const OciImage& image, const std::string& ref) {
  const std::string name = fmt::format(R"(,"annotations":{{"io.containerd.image.name":"{}"}})", ref);
  std::vector<std::pair<std::string, std::string>> files = {
      {"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"},
      {"index.json", index_of({descriptor(image, image.digest, name)})},
  };
  for (const auto& [digest, blob] : image.blobs) {
    files.emplace_back(fmt::format("blobs/sha256/{}", digest.substr(digest.find(':') + 1)), blob.bytes);
  }
  return tar_of(files);
}

std::string own_architecture() {
  utsname machine{};
  uname(&machine);
  const std::string_view name = machine.machine;
  return name == "x86_64" ? "amd64" : name == "aarch64" ? "arm64" : std::string(name);
}

std::string other_architecture() {
  return own_architecture() == "amd64" ? "arm64" : "amd64";
}

std::string sha256_of(std::string_view bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return "sha256:" + to_hex(hash);
}

}  // namespace kelpie::test
