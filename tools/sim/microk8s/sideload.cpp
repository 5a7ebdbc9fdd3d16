#include "tools/sim/microk8s/sideload.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::sim {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kBoundary = "kelpie-model";

/// Behind `key` up to the end of its line; empty when there is none.
std::string line_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + key.size());
  return std::string(rest.substr(0, rest.find('\n')));
}

std::string quoted_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + key.size());
  return std::string(rest.substr(0, rest.find('"')));
}

std::optional<SnapPackage> read_package(std::string_view file) {
  SnapPackage package{.name = line_after(file, "name: "),
                      .revision = line_after(file, "revision: "),
                      .version = line_after(file, "version: "),
                      .confinement = line_after(file, "confinement: "),
                      .base = line_after(file, "base: ")};
  if (package.name.empty() || package.revision.empty()) return std::nullopt;
  return package;
}

SnapRefusal bad_request(std::string message) {
  return {.status = 400, .message = std::move(message), .kind = {}, .value = {}};
}

}  // namespace

std::string snap_file_text(const SnapPackage& package) {
  return fmt::format("name: {}\nrevision: {}\nversion: {}\nconfinement: {}\nbase: {}\n", package.name, package.revision,
                     package.version, package.confinement, package.base);
}

std::string assertions_text(const SnapPackage& package) {
  return fmt::format(
      "type: snap-declaration\nauthority-id: canonical\nseries: 16\nsnap-id: made\nsnap-name: {0}\n\nsignature\n\n"
      "type: snap-revision\nauthority-id: canonical\nsnap-sha3-384: made\nsnap-id: made\nsnap-revision: {1}\n\n"
      "signature\n",
      package.name, package.revision);
}

std::string form_text(const SnapForm& form) {
  std::string text;
  for (const std::string& flag : form.flags) {
    text += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\ntrue\r\n", kBoundary, flag);
  }
  return text + fmt::format(
                    "--{0}\r\nContent-Disposition: form-data; name=\"snap\"; filename=\"{1}\"\r\n\r\n{2}\r\n"
                    "--{0}--\r\n",
                    kBoundary, form.file_name, form.file);
}

std::optional<SnapForm> parse_form(std::string_view body) {
  const std::string divider = fmt::format("\r\n{}", body.substr(0, body.find(kLineEnd)));
  SnapForm form;
  bool has_file = false;
  while (body.size() > divider.size()) {
    body.remove_prefix(divider.size() - kLineEnd.size());
    const std::string_view part = body.substr(0, body.find(divider));
    body.remove_prefix(std::min(part.size() + kLineEnd.size(), body.size()));
    const std::size_t end = part.find(kHeadEnd);
    if (end == std::string_view::npos) continue;
    const std::string_view head = part.substr(0, end);
    const std::string name = quoted_after(head, "; name=\"");
    const std::string_view value = part.substr(end + kHeadEnd.size());
    if (name != "snap") {
      if (value == "true") form.flags.push_back(name);
      continue;
    }
    has_file = true;
    form.file_name = quoted_after(head, "filename=\"");
    form.file = value;
  }
  if (!has_file) return std::nullopt;
  return form;
}

SnapRefusal acknowledge(DeviceState& state, std::string_view text) {
  const std::string name = line_after(text, "snap-name: ");
  const std::string revision = line_after(text, "snap-revision: ");
  if (name.empty() || revision.empty()) return bad_request("cannot decode request body into assertions");
  state.assertions.insert(fmt::format("{} {}", name, revision));
  return {};
}

SnapAnswer sideload(DeviceState& state, const World& world, std::string_view body, SteadyTime now) {
  const std::optional<SnapForm> form = parse_form(body);
  if (!form) {
    return {.refusal = bad_request("cannot find \"snap\" file field in provided multipart/form-data payload")};
  }
  const std::optional<SnapPackage> package = read_package(form->file);
  if (!package) {
    return {.refusal = bad_request(fmt::format("cannot read snap file: \"{}\" is not a snap", form->file_name))};
  }
  SnapWish wish{.action = "sideload"};
  wish.is_classic = std::find(form->flags.begin(), form->flags.end(), "classic") != form->flags.end();
  wish.package = *package;
  wish.file_name = form->file_name;
  return begin_change(state, world, wish, now);
}

}  // namespace kelpie::sim
