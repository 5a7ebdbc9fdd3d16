// kelpie device diagnose: has a device tell what is wrong with it, and brings what it told.
#include <unistd.h>

#include <algorithm>

#include <fmt/core.h>

#include "proto/base/ids.h"
#include "proto/wire/archive.h"
#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/planning.h"
#include "tools/kelpie/commands/rollout_view.h"
#include "tools/kelpie/commands/rollout_wait.h"
#include "tools/kelpie/manifest/load.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/signing/adhoc.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Archive;
using api::v1::ArchiveList;

constexpr Duration kWaitMax = std::chrono::minutes(15);  // chosen: gathering takes two, a busy device some more
constexpr std::size_t kArchiveBytesMax = 8U << 20U;      // twice what a device packs

std::vector<Column> file_columns() {
  return {{.title = "FILE"}, {.title = "BYTES", .is_number = true}};
}

/// pi-07-diagnostics-20261125T140501Z.tar.gz
std::string file_name(const std::string& device, WallTime now) {
  std::string time = to_rfc3339(now).substr(0, 19);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("./{}-diagnostics-{}Z.tar.gz", is_name(device) ? device : "device", time);
}

Result<std::string> free_path(Invocation& in, const std::string& device) {
  const std::string given = in.value("output-file");
  std::string path = given.empty() ? file_name(device, SystemClock().wall()) : given;
  if (access(path.c_str(), F_OK) != 0) return path;
  return fail({.code = Code::AlreadyExists,
               .message = fmt::format("\"{}\" is there already", path),
               .reason = {},
               .hint = "--output-file ANOTHER"});
}

Result<void> check_door(Session& session) {
  KELPIE_TRY(const api::v1::HubStatus hub, session.call<api::v1::HubStatus>("GetHub", api::v1::Empty()));
  if (!hub.archives().empty()) return {};
  return fail({.code = Code::FailedPrecondition,
               .message = "this hub takes no archives from devices",
               .reason = {},
               .hint = "kelpie-hub run --archives-listen 127.0.0.1:0"});
}

Result<api::v1::Rollout> ask_device(Invocation& in, const std::string& device) {
  SystemEntropy entropy;
  const AdhocWish wish{
      .verb = "inspect", .version = Ulid::make(SystemClock().wall(), entropy).text(), .wants_archive = true};
  KELPIE_TRY(const v1::Release release, make_adhoc(wish, {.read = read_manifest_file, .resolve = {}}));
  KELPIE_TRY(const Signer signer, open_signer(in));
  const std::string frame = signed_frame(wire::FrameType::Release, payload_of(release), signer);
  KELPIE_TRY(const ProvedRelease proved, prove_release(frame, signer.trust));
  api::v1::CreateReleaseRequest create;
  create.set_frame(frame);
  KELPIE_TRY(const api::v1::Release stored, in.session().call<api::v1::Release>("CreateRelease", create));
  return start_adhoc(in, proved, {device}, signer, {.reason = in.value("reason"), .verb = "diagnose"});
}

/// What the device said of it in a report that it signed; empty when the hub has that no more.
struct DeviceWord {
  std::string attempt;
  std::string sha256;
};
Result<DeviceWord> word_of(Session& session, const std::string& rollout) {
  api::v1::ListTargetsRequest request;
  request.set_rollout(rollout);
  KELPIE_TRY(const auto targets, session.call<api::v1::TargetList>("ListTargets", request));
  if (targets.items().empty()) return DeviceWord{};
  const api::v1::Attempt& attempt = targets.items(0).status().attempt();
  for (const api::v1::StepResult& result : attempt.results()) {
    if (!result.archive_sha256().empty()) return DeviceWord{.attempt = attempt.id(), .sha256 = result.archive_sha256()};
  }
  return DeviceWord{.attempt = attempt.id(), .sha256 = {}};
}

Result<Archive> newest_of(Session& session, const std::string& device, const std::string& rollout) {
  api::v1::Named request;
  request.set_name(device);
  KELPIE_TRY(const ArchiveList list, session.call<ArchiveList>("ListArchives", request));
  for (const Archive& archive : list.items()) {
    if (rollout.empty() || archive.status().rollout() == rollout) return archive;
  }
  return fail({.code = Code::NotFound,
               .message = fmt::format("the hub has no archive of {}", device),
               .reason = {},
               .hint = fmt::format("kelpie device diagnose {}", device)});
}

Result<std::string> fetch(Session& session, const Archive& archive, const DeviceWord& word) {
  KELPIE_TRY(std::string bytes, session.fetch("/archives/" + archive.metadata().id(), kArchiveBytesMax));
  const std::string sha256 = sha256_hex(as_bytes(bytes));
  const std::string& wanted = word.sha256.empty() ? archive.status().sha256() : word.sha256;
  if (sha256 == wanted) return bytes;
  return fail({.code = Code::DataLoss,
               .message = fmt::format("what came is not what was sent: its SHA-256 is {}, {} said {}", sha256,
                                      word.sha256.empty() ? "the hub" : "the device", wanted),
               .reason = {},
               .hint = fmt::format("kelpie device diagnose {}", archive.metadata().name())});
}

/// What is in it, for people and in the message; a note when it cannot be read.
void look_inside(std::string_view bytes, Archive& archive, View& view) {
  const Result<std::vector<wire::ArchivedFile>> files = wire::read_archive(bytes);
  if (!files) {
    view.notes.push_back(files.error().message);
    view.exit = ExitCode::Bad;
    return;
  }
  Table table{.columns = file_columns(), .rows = {}, .empty = "no files"};
  std::string missing;
  for (const wire::ArchivedFile& file : *files) {
    api::v1::ArchiveFile& row = *archive.mutable_status()->add_files();
    row.set_name(file.name);
    row.set_bytes(static_cast<std::uint32_t>(file.text.size()));
    table.rows.push_back(
        {{file.name}, {std::to_string(file.text.size()), Tone::Plain, static_cast<double>(file.text.size())}});
    if (file.name == "missing.txt") missing = file.text;
  }
  view.blocks.emplace_back(std::move(table));
  if (missing == "nothing is missing\n" || missing.empty()) return;
  view.blocks.emplace_back(Line{{"could not be had", Tone::Warn}});
  while (!missing.empty()) {
    const std::string line = missing.substr(0, missing.find('\n'));
    missing.erase(0, line.size() + 1);
    archive.mutable_status()->add_missing(line);
    view.blocks.emplace_back(Line{{"  " + line}});
  }
}

Result<View> bring(Invocation& in, const std::string& device, const std::string& rollout, const std::string& path) {
  KELPIE_TRY(Archive archive, newest_of(in.session(), device, rollout));
  const Result<DeviceWord> word = word_of(in.session(), archive.status().rollout());
  const bool is_signed = word && !word->sha256.empty() && word->attempt == archive.metadata().id();
  KELPIE_TRY(const std::string bytes, fetch(in.session(), archive, is_signed ? *word : DeviceWord{}));
  KELPIE_TRY(write_new_file(path, bytes));
  archive.mutable_status()->set_path(path);
  View view;
  view.blocks.emplace_back(Line{{path, Tone::Strong}, {fmt::format("   {} bytes", bytes.size())}});
  view.blocks.emplace_back(
      Line{{fmt::format("sha256 {}, {}", archive.status().sha256(),
                        is_signed ? "as the device signed it" : "as the hub says; the device's report is gone"),
            Tone::Faint}});
  look_inside(bytes, archive, view);
  view.message = std::make_shared<Archive>(std::move(archive));
  view.notes.push_back(fmt::format("tar xzf {}", path));
  return view;
}

Result<View> run_diagnose(Invocation& in) {
  KELPIE_TRY(const std::string device, one_device(in.session(), in.argument("DEVICE")));
  KELPIE_TRY(const std::string path, free_path(in, device));
  if (in.has("last")) return bring(in, device, {}, path);
  KELPIE_TRY(check_door(in.session()));
  KELPIE_TRY(api::v1::Rollout rollout, ask_device(in, device));
  const std::string id = rollout.metadata().id();
  if (in.has("no-wait")) {
    View view = show_rollout(std::move(rollout),
                             {.now = SystemClock().wall(), .width = in.screen().width(), .is_watched = false});
    view.notes.push_back(fmt::format("kelpie command wait {} && kelpie device diagnose {} --last", id, device));
    return view;
  }
  KELPIE_TRY(View end, watch_rollout(in, id, kWaitMax));
  if (end.exit != ExitCode::Done) {
    end.notes.push_back(fmt::format("kelpie command show {}", id));
    return end;
  }
  in.screen().end_frames();
  return bring(in, device, id, path);
}

}  // namespace

std::vector<Command> device_diagnose_commands() {
  return {
      {.path = "device diagnose",
       .summary = "Bring what a device can tell about what is wrong with it",
       .details = "The device gathers versions, services, locks, disk, certificates, snapd's changes, events, pods and "
                  "journals into a tar.gz, without secrets as far as it can tell; nothing on it changes. Read it "
                  "before you send it on.",
       .arguments = {{.name = "DEVICE", .what = "name, or a beginning only it has", .completes = Completes::Devices}},
       .flags = {{.name = "output-file",
                  .value = "FILE",
                  .what = "where to put it; ./DEVICE-diagnostics-TIME.tar.gz unless given",
                  .completes = Completes::Files},
                 {.name = "last", .what = "the newest one that the hub has, without asking the device"},
                 kNoWaitFlag,
                 kReasonFlag,
                 kSignKeyFlag,
                 kPassphraseFileFlag},
       .examples = {"kelpie device diagnose pi-turin-07",
                    "kelpie device diagnose pi-turin-07 --last --output-file pi.tar.gz"},
       .exits = {ExitCode::Done, ExitCode::Bad, ExitCode::Paused, ExitCode::Tolerated, ExitCode::EndedOnPurpose},
       .columns = file_columns(),
       .role = api::v1::OPERATOR,
       .run = run_diagnose}};
}

}  // namespace kelpie::cli
