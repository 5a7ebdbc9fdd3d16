#include "proto/wire/addon_order.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "proto/wire/addon_values.h"

namespace kelpie::wire {
namespace {

/// One argument of an add-on: how it is written and what may stand in it.
struct Option {
  std::string_view addon;
  std::string_view key;
  std::string_view letter = {};  // -V
  AddonValue value = AddonValue::Version;
  int first_minor = kNoMinor;
  enum class Spelling { Plain, Dashes, Words, Letter, Flag } spelling = Spelling::Dashes;
};
using Spelling = Option::Spelling;

constexpr std::array kOptions{
    Option{.addon = "cert-manager",
           .key = "repository",
           .letter = "-r",
           .value = AddonValue::Url,
           .first_minor = 33,
           .spelling = Spelling::Letter},
    Option{.addon = "cert-manager", .key = "version", .letter = "-V", .first_minor = 33, .spelling = Spelling::Letter},
    Option{.addon = "dashboard",
           .key = "repository",
           .letter = "-r",
           .value = AddonValue::Url,
           .first_minor = 33,
           .spelling = Spelling::Letter},
    Option{.addon = "dashboard", .key = "version", .letter = "-V", .first_minor = 33, .spelling = Spelling::Letter},
    Option{.addon = "host-access", .key = "ip", .value = AddonValue::Address4, .spelling = Spelling::Plain},
    Option{.addon = "hostpath-storage",
           .key = "reclaim-policy",
           .letter = "-r",
           .value = AddonValue::ReclaimPolicy,
           .first_minor = 25},
    Option{.addon = "hostpath-storage",
           .key = "default-class",
           .letter = "-d",
           .value = AddonValue::Truth,
           .first_minor = 29},
    Option{.addon = "ingress",
           .key = "default-ssl-certificate",
           .value = AddonValue::SecretName,
           .spelling = Spelling::Words},
    Option{.addon = "ingress",
           .key = "version",
           .letter = "-V",
           .first_minor = kTraefikSinceMinor,
           .spelling = Spelling::Letter},
    Option{.addon = "ingress",
           .key = "repository",
           .letter = "-r",
           .value = AddonValue::Url,
           .first_minor = kTraefikSinceMinor,
           .spelling = Spelling::Letter},
    Option{.addon = "ingress",
           .key = "gateway-version",
           .letter = "-g",
           .first_minor = kTraefikSinceMinor,
           .spelling = Spelling::Letter},
    Option{.addon = "nvidia", .key = "gpu-operator-driver", .value = AddonValue::Driver},
    Option{.addon = "nvidia", .key = "gpu-operator-version"},
    Option{.addon = "observability", .key = "kube-prometheus-stack-version", .first_minor = 27},
    Option{.addon = "observability", .key = "loki-stack-version", .first_minor = 27},
    Option{.addon = "observability", .key = "tempo-version", .first_minor = 27},
    Option{.addon = "observability",
           .key = "without-tempo",
           .value = AddonValue::Truth,
           .first_minor = 27,
           .spelling = Spelling::Flag},
    Option{.addon = "registry", .key = "size", .value = AddonValue::RegistrySize, .first_minor = 25},
    Option{.addon = "registry", .key = "storageclass", .value = AddonValue::Name, .first_minor = 25},
};

/// Arguments that are told apart by their place alone.
struct Place {
  std::string_view addon;
  std::string_view key;
  AddonValue value;
  int first_minor = kNoMinor;
};
constexpr std::array kPlaces{
    Place{"dns", "servers", AddonValue::DnsServers},
    Place{"dns", "cluster-ip", AddonValue::ClusterAddress, 28},
    Place{"dns", "domain", AddonValue::Domain, 33},
    Place{"metallb", "ranges", AddonValue::Ranges},
};

tl::unexpected<Error> wrong(const AddonRow& row, std::string_view what) {
  return fail(Code::InvalidArgument, fmt::format("add-on {} {}", row.name, what));
}

std::string takes(const AddonRow& row) {
  return row.arguments.empty() ? "takes no arguments" : fmt::format("takes {}", row.arguments);
}

Result<void> require_track(const AddonRow& row, std::string_view key, int first_minor, const AddonPlace& place) {
  if (!place.minor || *place.minor >= first_minor) return {};
  return wrong(row, fmt::format("takes {} from 1.{}, not on 1.{}", key, first_minor, *place.minor));
}

template <typename Named>
Result<void> put(const AddonRow& row, const Named& named, std::string_view text, const AddonPlace& place,
                 AddonSettings& out) {
  KELPIE_TRY(require_track(row, named.key, named.first_minor, place));
  Result<std::string> value = read_addon_value(named.value, text);
  if (!value) return wrong(row, fmt::format("{}: {}", named.key, value.error().message));
  if (!out.emplace(named.key, std::move(*value)).second) return wrong(row, fmt::format("is given {} twice", named.key));
  return {};
}

/// A key or letter without what follows "=".
const Option* option_of(const AddonRow& row, std::string_view word) {
  const bool is_letter = word.starts_with('-') && !word.starts_with("--");
  if (word.starts_with("--")) word.remove_prefix(2);
  const auto at = std::find_if(kOptions.begin(), kOptions.end(), [&](const Option& one) {
    return one.addon == row.name && (is_letter ? one.letter == word : one.key == word);
  });
  return at == kOptions.end() ? nullptr : &*at;
}

Result<AddonSettings> read_options(const AddonRow& row, const std::vector<std::string>& args, const AddonPlace& place) {
  AddonSettings out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    const std::size_t equals = arg.find('=');
    const Option* const option = option_of(row, arg.substr(0, equals));
    if (option == nullptr) return wrong(row, fmt::format("{}, not \"{}\"", takes(row), arg));
    std::string_view value = equals == std::string_view::npos ? std::string_view{} : arg.substr(equals + 1);
    if (option->spelling == Spelling::Flag && equals == std::string_view::npos) value = "true";
    const bool is_behind = equals == std::string_view::npos && option->spelling != Spelling::Flag;
    if (is_behind && i + 1 == args.size()) return wrong(row, fmt::format("needs a value behind \"{}\"", arg));
    if (is_behind) value = args[++i];
    KELPIE_TRY(put(row, *option, value, place, out));
  }
  return out;
}

Result<AddonSettings> read_places(const AddonRow& row, std::vector<std::string> args, const AddonPlace& place) {
  if (row.name == "metallb" && args.size() > 1) {  // a list of ranges is one word to its script
    for (std::size_t i = 1; i < args.size(); ++i) args.front().append(",").append(args[i]);
    args.resize(1);
  }
  AddonSettings out;
  auto next = kPlaces.begin();
  for (const std::string& arg : args) {
    next = std::find_if(next, kPlaces.end(), [&](const Place& one) { return one.addon == row.name; });
    if (next == kPlaces.end()) return wrong(row, fmt::format("{}, not \"{}\" too", takes(row), arg));
    KELPIE_TRY(put(row, *next, arg, place, out));
    ++next;
  }
  return out;
}

bool is_by_place(const AddonRow& row) {
  return std::any_of(kPlaces.begin(), kPlaces.end(), [&](const Place& one) { return one.addon == row.name; });
}

/// metallb:RANGES and core/dns, as MicroK8s' own guides write them.
Result<AddonWish> split(const AddonWish& given) {
  AddonWish wish = given;
  if (const std::size_t slash = wish.name.find('/'); slash != std::string::npos && slash < wish.name.find(':')) {
    if (wish.name.substr(0, slash) != "core") {
      return fail(Code::NotSupported,
                  fmt::format("only add-ons of the core repository are taken, not \"{}\": scripts of others are signed "
                              "by nobody",
                              wish.name));
    }
    wish.name.erase(0, slash + 1);
  }
  if (const std::size_t colon = wish.name.find(':'); colon != std::string::npos) {
    wish.args.insert(wish.args.begin(), wish.name.substr(colon + 1));
    wish.name.resize(colon);
  }
  return wish;
}

Result<const AddonRow*> row_for(const AddonWish& wish) {
  const std::span<const std::string_view> community = community_addons();
  if (std::find(community.begin(), community.end(), wish.name) != community.end()) {
    return fail(Code::NotSupported, fmt::format("add-on {} {}", wish.name, kCommunityRefused));
  }
  const AddonRow* const row = find_addon(wish.name);
  if (row == nullptr) return fail(Code::NotFound, fmt::format("MicroK8s has no core add-on \"{}\"", wish.name));
  if (!row->refused.empty()) return fail(Code::NotSupported, fmt::format("add-on {} {}", row->name, row->refused));
  if (wish.is_absent && row->is_always_on) {
    return fail(Code::NotSupported,
                fmt::format("add-on {} is part of every MicroK8s and cannot be taken out", row->name));
  }
  return row;
}

}  // namespace

Result<AddonOrder> AddonOrder::of(const AddonWish& given, const AddonPlace& place) {
  KELPIE_TRY(const AddonWish wish, split(given));
  KELPIE_TRY(const AddonRow* const row, row_for(wish));
  if (wish.is_absent) {
    if (!wish.args.empty()) return wrong(*row, "takes no arguments when it is to be absent");
    return AddonOrder(*row, {}, true);
  }
  if (std::string why = misplaced(*row, place); !why.empty()) return fail(Code::InvalidArgument, std::move(why));
  if (row->arguments.empty() && !wish.args.empty()) {
    return wrong(*row, fmt::format("takes no arguments, not \"{}\"", wish.args.front()));
  }
  KELPIE_TRY(AddonSettings settings,
             is_by_place(*row) ? read_places(*row, wish.args, place) : read_options(*row, wish.args, place));
  if (row->name == "metallb" && settings.empty()) {
    return wrong(*row, "needs the addresses it may give out: { name: metallb, args: [10.0.0.10-10.0.0.20] }");
  }
  return AddonOrder(*row, std::move(settings), false);
}

AddonOrder AddonOrder::present(const AddonRow& row, AddonSettings settings) {
  return AddonOrder(row, std::move(settings), false);
}

AddonOrder AddonOrder::absent(const AddonRow& row) {
  return AddonOrder(row, {}, true);
}

std::vector<std::string> AddonOrder::words(std::optional<int> minor) const {
  std::vector<std::string> out;
  for (const Place& place : kPlaces) {
    if (place.addon != row_->name) continue;
    const auto at = settings_.find(std::string(place.key));
    // What follows could not be told apart.
    if (at == settings_.end() || minor.value_or(kAnyMinor) < place.first_minor) break;
    out.push_back(at->second);
  }
  for (const Option& option : kOptions) {
    if (option.addon != row_->name || minor.value_or(kAnyMinor) < option.first_minor) continue;
    const auto at = settings_.find(std::string(option.key));
    if (at == settings_.end()) continue;
    const std::string pair = fmt::format("{}={}", option.key, at->second);
    switch (option.spelling) {
      case Spelling::Plain: out.push_back(pair); break;
      case Spelling::Dashes: out.push_back("--" + pair); break;
      case Spelling::Flag:
        if (at->second == "true") out.push_back(fmt::format("--{}", option.key));
        break;
      case Spelling::Letter: out.insert(out.end(), {std::string(option.letter), at->second}); break;
      case Spelling::Words:  // nginx takes KEY=VALUE, Traefik two words
        if (minor.value_or(kNoMinor) < kTraefikSinceMinor) {
          out.push_back(pair);
        } else {
          out.insert(out.end(), {fmt::format("--{}", option.key), at->second});
        }
        break;
    }
  }
  return out;
}

}  // namespace kelpie::wire
