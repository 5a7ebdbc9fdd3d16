// Container images a test makes itself: a few kilobytes, for this machine's architecture and another, deterministic.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace kelpie::test {

struct OciBlob {
  std::string type;  // media type
  std::string bytes;
};

struct OciImage {
  std::string digest;                         // of the index, as a release signs it
  std::map<std::string, OciBlob> blobs;       // by digest: index, manifests, configurations, layers
  std::map<std::string, std::string> layers;  // by architecture: the digest of its one layer
};

struct ImageRecipe {
  std::string text;  // what the image holds; another text is another image
  std::size_t layer_bytes = 2'048;
  std::vector<std::string> architectures;  // empty: this machine's and another
};
[[nodiscard]] OciImage make_image(const ImageRecipe& recipe);

/// An OCI layout as a tar archive: what `ctr image import` reads, with this name in its index.
[[nodiscard]] std::string archive_of(const OciImage& image, const std::string& ref);

/// "amd64", "arm64": as Go and Debian name what this machine is.
[[nodiscard]] std::string own_architecture();
[[nodiscard]] std::string other_architecture();

[[nodiscard]] std::string sha256_of(std::string_view bytes);  // "sha256:<64 hex>"

}  // namespace kelpie::test
