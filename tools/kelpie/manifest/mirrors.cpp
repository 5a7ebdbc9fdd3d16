#include "tools/kelpie/manifest/mirrors.h"

#include <charconv>
#include <set>

#include <fmt/core.h>

#include "proto/wire/image_rules.h"

namespace kelpie::cli {
namespace {

// release.proto's max_items; a longer list would be refused by every reader's walker.
constexpr int kHostsMax = 8;
constexpr int kCapabilitiesMax = 2;
constexpr std::size_t kAuthorityBytesMax = 8'192;

std::string text_of(const YamlNode& map, std::string_view key) {
  const YamlNode* value = map.find(key);
  return value == nullptr || value->kind != YamlNode::Kind::Text ? "" : value->text;
}

void read_authorities(const YamlNode& path, const std::function<Result<std::string>(const std::string&)>& read,
                      v1::MirrorHost& host, Report& report) {
  Result<std::string> text = read(path.text);
  if (!text) {
    report.add(path.at, text.error().message);
  } else if (text->size() > kAuthorityBytesMax) {
    report.add(path.at, fmt::format("\"{}\" has {} bytes: at most {} of certificates", path.text, text->size(),
                                    kAuthorityBytesMax));
  } else {
    host.set_ca(std::move(*text));
  }
}

void read_host(const YamlNode& node, const std::function<Result<std::string>(const std::string&)>& read,
               v1::MirrorHost& host, Report& report) {
  host.set_url(node.kind == YamlNode::Kind::Map ? text_of(node, "url") : node.text);
  if (const YamlNode* words = node.find("capabilities"); words != nullptr) {
    for (const YamlNode& word : words->items) {
      // One too many is enough for the rules to say what is wrong.
      if (host.capabilities_size() <= kCapabilitiesMax) host.add_capabilities(word.text);
    }
  }
  host.set_override_path(text_of(node, "overridePath") == "true");
  if (const YamlNode* ca = node.find("ca"); ca != nullptr && ca->kind == YamlNode::Kind::Text) {
    read_authorities(*ca, read, host, report);
  }
  constexpr std::string_view kPlain = "http://";
  if (!host.url().starts_with(kPlain) || host.url().starts_with("http://localhost")) return;
  report.warn(node.at, fmt::format("{} is not encrypted: an image that this release does not name by digest is "
                                   "whatever answers there",
                                   host.url()));
}

/// Where in the file "hosts[1].url" stands, as near as the tree knows.
Place place_of(const YamlNode& item, std::string_view field) {
  constexpr std::string_view kHosts = "hosts[";
  const YamlNode* hosts = item.find("hosts");
  if (!field.starts_with(kHosts) || hosts == nullptr) {
    const YamlNode* value = item.find(field);
    return value == nullptr ? item.at : value->at;
  }
  std::size_t index = 0;
  std::from_chars(field.data() + kHosts.size(), field.data() + field.size(), index);
  return index < hosts->items.size() ? hosts->items[index].at : hosts->at;
}

}  // namespace

v1::MirrorsStep read_mirrors(const std::vector<YamlNode>& items,
                             const std::function<Result<std::string>(const std::string&)>& read, Report& report) {
  v1::MirrorsStep step;
  std::set<std::string> seen;
  for (const YamlNode& item : items) {
    const YamlNode* hosts = item.find("hosts");
    if (item.kind != YamlNode::Kind::Map || hosts == nullptr || hosts->kind != YamlNode::Kind::List) continue;
    v1::Mirror& mirror = *step.add_mirrors();
    mirror.set_registry(text_of(item, "registry"));
    mirror.set_server(text_of(item, "server"));
    if (mirror.registry().empty()) continue;  // the table said so
    for (const YamlNode& host : hosts->items) {
      if (mirror.hosts_size() == kHostsMax) {
        report.add(host.at, fmt::format("more than {} hosts for one registry", kHostsMax));
        break;
      }
      read_host(host, read, *mirror.add_hosts(), report);
    }
    const wire::MirrorTrouble trouble = wire::trouble_of(mirror);
    if (!trouble.what.empty()) {
      report.add(place_of(item, trouble.field), fmt::format("{} {}", trouble.field, trouble.what));
    } else if (!seen.insert(mirror.registry()).second) {
      report.add(item.at, fmt::format("registry {} is listed twice", mirror.registry()));
    }
  }
  return step;
}

}  // namespace kelpie::cli
