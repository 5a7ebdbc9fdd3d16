#include "tools/kelpie/names.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

using api::v1::DeviceList;
using api::v1::ListRequest;
using api::v1::RolloutList;

constexpr std::size_t kShownNames = 3;   // of many that fit
constexpr std::size_t kPrefixLeast = 3;  // shorter beginnings fit too much to be meant
constexpr std::size_t kUlidLength = 26;
constexpr std::uint32_t kPageMax = 1'000;          // the hub's
constexpr std::size_t kSuggestedFrom = 5'000;      // names looked through for a suggestion
constexpr std::size_t kNameBytesMax = 64U << 10U;  // chosen: a device line with many labels has a few hundred

Error ambiguous(std::string_view noun, const std::string& typed, const std::vector<std::string>& fits,
                std::string hint) {
  const std::size_t shown = std::min(fits.size(), kShownNames);
  const std::vector<std::string> first(fits.begin(), fits.begin() + static_cast<std::ptrdiff_t>(shown));
  return {.code = Code::InvalidArgument,
          .message = fmt::format("\"{}\" fits {}{} {}s ({}{})", typed, fits.size() >= kPageMax ? "at least " : "",
                                 fits.size(), noun, fmt::join(first, ", "), fits.size() > shown ? ", …" : ""),
          .reason = "AMBIGUOUS",
          .hint = std::move(hint)};
}

/// Devices that begin so, from the hub's list in the order of names.
Result<std::vector<std::string>> beginning_with(Session& session, const std::string& typed) {
  ListRequest request;
  std::string after = typed;
  while (!after.empty() && after.back() == '-') after.pop_back();  // a page begins after a name
  request.set_page_token(after);
  request.set_page_size(kPageMax);
  KELPIE_TRY(const DeviceList page, session.call<DeviceList>("ListDevices", request));
  std::vector<std::string> out;
  for (const api::v1::Device& device : page.items()) {
    if (device.metadata().name().starts_with(typed)) out.push_back(device.metadata().name());
  }
  return out;
}

Error unknown_device(Session& session, Error error, const std::string& typed) {
  const Result<DeviceList> all = session.list<DeviceList>("ListDevices", ListRequest(), kSuggestedFrom);
  if (!all) return error;
  std::vector<std::string> names;
  for (const api::v1::Device& device : all->items()) names.push_back(device.metadata().name());
  error.message += did_you_mean(typed, names);
  return error;
}

Result<void> add_matching(Session& session, const ListRequest& request, std::vector<std::string>& names) {
  KELPIE_TRY(const DeviceList matching, session.list<DeviceList>("ListDevices", request));
  for (const api::v1::Device& device : matching.items()) names.push_back(device.metadata().name());
  return {};
}

Result<void> add_word(Session& session, const std::string& word, std::vector<std::string>& names) {
  constexpr std::string_view kFleet = "fleet/";
  if (word.starts_with(kFleet)) {
    ListRequest request;
    request.set_fleet(word.substr(kFleet.size()));
    return add_matching(session, request, names);
  }
  if (word == "-") {
    KELPIE_TRY(const std::vector<std::string> lines, stdin_lines());
    for (const std::string& line : lines) {
      constexpr std::string_view kDevice = "device/";  // as -o name prints them
      if (!line.empty()) names.push_back(line.starts_with(kDevice) ? line.substr(kDevice.size()) : line);
    }
    return {};
  }
  KELPIE_TRY(std::string name, one_device(session, word));
  names.push_back(std::move(name));
  return {};
}

Result<std::vector<std::string>> read_lines(std::istream& in) {
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    if (line.size() > kNameBytesMax || out.size() == kStdinNamesMax) {
      return fail(Code::ResourceExhausted,
                  fmt::format("line {} is beyond {} lines of {} bytes", out.size() + 1, kStdinNamesMax, kNameBytesMax));
    }
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace

Result<std::string> one_device(Session& session, const std::string& typed) {
  api::v1::Named request;
  request.set_name(typed);
  const Result<api::v1::Device> exact = session.call<api::v1::Device>("GetDevice", request);
  if (exact) return typed;
  if (exact.error().code != Code::NotFound) return fail(exact.error());
  if (typed.size() < kPrefixLeast) return fail(unknown_device(session, exact.error(), typed));
  const Result<std::vector<std::string>> fits = beginning_with(session, typed);
  if (!fits || fits->empty()) return fail(unknown_device(session, exact.error(), typed));
  if (fits->size() == 1) return fits->front();
  return fail(ambiguous("device", typed, *fits, "give one name, or say which by labels: -l site=turin"));
}

Result<std::vector<std::string>> some_devices(Invocation& in, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  ListRequest request;
  request.set_selector(in.value("selector"));
  request.set_where(in.value("where"));
  const bool has_filter = !request.selector().empty() || !request.where().empty();
  if (words.empty() && !has_filter) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} needs a device", in.command().path),
                 .reason = {},
                 .hint = "a name, -l site=turin, fleet/NAME, or - for names from stdin"});
  }
  if (!words.empty() && has_filter) {
    return fail(Code::InvalidArgument, "devices are named either by words or by -l and --where, not by both");
  }
  for (const std::string& word : words) KELPIE_TRY(add_word(in.session(), word, names));
  if (has_filter) KELPIE_TRY(add_matching(in.session(), request, names));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) return fail(Code::NotFound, "no device matches");
  return names;
}

Result<std::string> one_rollout(Session& session, const std::string& typed) {
  std::string upper(typed);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  if (upper.size() >= kUlidLength || upper.size() < kPrefixLeast) return upper;
  KELPIE_TRY(const RolloutList all, session.list<RolloutList>("ListRollouts", ListRequest(), kSuggestedFrom));
  std::vector<std::string> fits;
  for (const api::v1::Rollout& rollout : all.items()) {
    if (rollout.metadata().id().starts_with(upper)) fits.push_back(rollout.metadata().id());
  }
  if (fits.size() == 1) return fits.front();
  if (!fits.empty()) return fail(ambiguous("rollout", typed, fits, "give more of its characters"));
  return upper;  // the hub says that it is not there
}

Error with_nearest(Session& session, Error error, std::string_view list_rpc, const std::string& typed) {
  if (error.code != Code::NotFound) return error;
  std::vector<std::string> names;
  const auto gather = [&](const auto& list) {
    if (!list) return;
    for (const auto& item : list->items()) names.push_back(item.metadata().name());
  };
  if (list_rpc == "ListFleets") {
    gather(session.list<api::v1::FleetList>(list_rpc, ListRequest(), kSuggestedFrom));
  } else {
    gather(session.list<api::v1::ReleaseList>(list_rpc, ListRequest(), kSuggestedFrom));
  }
  error.message += did_you_mean(typed, names);
  return error;
}

Result<std::vector<std::string>> stdin_lines() {
  return read_lines(std::cin);
}

Result<std::vector<std::string>> lines_of(const std::string& path) {
  if (path == "-") return stdin_lines();
  std::ifstream file(path);
  if (!file) return fail(Code::NotFound, fmt::format("cannot open \"{}\": {}", path, std::strerror(errno)));
  return read_lines(file);
}

}  // namespace kelpie::cli
