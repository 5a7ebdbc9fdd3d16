#include "device-agent/doctor/doctor.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/core.h>

#include "device-agent/doctor/examine.h"
#include "device-agent/doctor/mend.h"
#include "device-agent/host/posix_process.h"
#include "device-agent/host/snapd_http.h"
#include "device-agent/host/system_files.h"
#include "device-agent/init.h"
#include "proto/base/fd.h"
#include "proto/wire/broker_url.h"

namespace kelpie::agent {
namespace {

constexpr Duration kLimit = std::chrono::minutes(2);  // chosen: a hold is a change of snapd, which may be at another
constexpr int kReachMs = 3'000;                       // chosen: it is on loopback

class PlainPause final : public Pause {
 public:
  [[nodiscard]] SteadyTime now() override { return SystemClock().steady(); }
  [[nodiscard]] WallTime wall() override { return SystemClock().wall(); }
  [[nodiscard]] bool wait(Duration duration) override {
    static_cast<void>(poll(nullptr, 0, static_cast<int>(duration.count())));
    return true;
  }
};

Result<void> connect_to(const addrinfo& address) {
  const Fd fd(socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int error = 0;
  if (!fd.is_open() || connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) error = errno;
  if (error == EINPROGRESS) {
    pollfd polled{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    socklen_t size = sizeof error;
    error = ETIMEDOUT;
    if (poll(&polled, 1, kReachMs) > 0) getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error == 0) return {};
  return fail(Code::Unavailable, std::strerror(error));
}

Result<void> reach_broker(const std::string& url) {
  if (url.empty()) {
    return fail({.code = Code::NotFound,
                 .message = "none is named in agent.conf",
                 .reason = {},
                 .hint = "kelpie-agent init --trust FILE --broker URL"});
  }
  KELPIE_TRY(const wire::BrokerUrl broker, wire::parse_broker_url(url));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  std::string host = broker.host;
  std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(broker.port).c_str(), &hints, &found); error != 0) {
    return fail(Code::Unavailable, fmt::format("{}: {}", url, gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  Result<void> outcome;
  for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) {
    outcome = connect_to(*one);
    if (outcome) return {};
  }
  return fail(Code::Unavailable, fmt::format("{}: {}", url, outcome.error().message));
}

Own look_at_own(const Config& config) {
  const Result<Identity> identity = load_identity(config.state);
  return {.identity = identity ? Result<void>{} : tl::unexpected<Error>(identity.error()),
          .broker = reach_broker(config.broker)};
}

struct Row {
  Finding finding;
  std::string changed;  // by --fix
};

std::string table_of(const std::vector<Row>& rows) {
  std::size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.finding.check.size());
  const std::string under = fmt::format("{:{}}", "", width + 11);
  std::string out;
  for (const Row& row : rows) {
    const Finding& one = row.finding;
    out += fmt::format("{:<{}}  {:<9}{}\n", one.check, width, to_string(one.grade), one.seen);
    if (!row.changed.empty()) out += fmt::format("{}fixed: {}\n", under, row.changed);
    if (row.changed.empty() && !one.remedy.empty()) out += fmt::format("{}do: {}\n", under, one.remedy);
  }
  return out;
}

std::string json_of(const std::vector<Row>& rows) {
  Json checks{Json::Array{}};
  for (const Row& row : rows) {
    checks.append(Json(Json::Object{{"changed", row.changed},
                                    {"check", row.finding.check},
                                    {"remedy", row.finding.remedy},
                                    {"seen", row.finding.seen},
                                    {"state", to_string(row.finding.grade)}}));
  }
  return Json(Json::Object{{"checks", checks}}).dump() + "\n";
}

std::string mended(const Finding& finding, const Work& work) {
  if (finding.repair == Repair::None) return {};
  Tried<std::string> outcome = mend(finding.repair, work);
  return outcome ? *outcome : "";
}

}  // namespace

Result<DoctorConfig> read_doctor_config(std::vector<std::string> arguments) {
  DoctorConfig out;
  out.is_fixing = std::erase(arguments, "--fix") > 0;
  const auto at = std::find(arguments.begin(), arguments.end(), "-o");
  if (at != arguments.end()) {
    if (at + 1 == arguments.end() || *(at + 1) != "json") return fail(Code::InvalidArgument, "-o takes json");
    out.is_json = true;
    arguments.erase(at, at + 2);
  }
  KELPIE_TRY(out.agent, read_config(arguments));
  return out;
}

Diagnosis diagnose(const DoctorConfig& config) {
  PosixProcess processes;
  SnapdHttp snapd(config.agent.snapd_socket);
  SystemFiles files;
  PlainPause pause;
  Host host{.processes = processes,
            .snapd = snapd,
            .files = files,
            .pause = pause,
            .paths = config.agent.paths,
            .progress = [](std::string) {}};
  const Work work(host, kLimit);
  Diagnosis out;
  std::vector<Row> rows;
  for (Finding& one : examine(look_at_own(config.agent), work)) {
    std::string changed = config.is_fixing ? mended(one, work) : "";
    out.has_trouble = out.has_trouble || (one.grade == Grade::Trouble && changed.empty());
    rows.push_back({.finding = std::move(one), .changed = std::move(changed)});
  }
  out.text = config.is_json ? json_of(rows) : table_of(rows);
  return out;
}

}  // namespace kelpie::agent
