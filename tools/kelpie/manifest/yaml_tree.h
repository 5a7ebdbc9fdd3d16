// YAML read strictly: a tree that knows where each word stands. No anchors, aliases, tags, merge keys, tabs or
// duplicate keys, and limits on size, depth and number of nodes. The only includer of yaml-cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/kelpie/manifest/problems.h"

namespace kelpie::cli {

inline constexpr std::size_t kYamlBytesMax = 1U << 20U;  // chosen: a release is at most 16 KiB, a manifest far less
inline constexpr std::size_t kYamlDepthMax = 60;         // chosen: below the hub's 64, with room for the list around it
inline constexpr std::size_t kYamlNodesMax = 50'000;     // chosen: a megabyte of two-letter words
inline constexpr std::size_t kYamlDocumentsMax = 256;    // chosen: more than one file should hold

struct YamlNode {
  enum class Kind { Null, Text, List, Map };
  struct Key {
    std::string text;
    Place at;
  };

  Kind kind = Kind::Null;
  Place at;
  std::string text;             // of Text, as written, without its quotes
  bool is_quoted = false;       // of Text: a string whatever it looks like
  std::vector<Key> keys;        // of Map; items[i] is the value of keys[i]
  std::vector<YamlNode> items;  // of List and Map

  /// The value of a key of a map; nullptr when it is no map or has no such key.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

/// The documents of a text; empty ones are left out. After a syntax error only what came before it is there.
[[nodiscard]] std::vector<YamlNode> parse_yaml(std::string_view text, Report& report);

}  // namespace kelpie::cli
