// What of a device's readings a person is told before it fails.
#include "hub/core/warnings.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace kelpie::hub {
namespace {

constexpr WallTime kNow{1'795'338'843'000};
constexpr std::uint64_t kGibi = 1ULL << 30U;

struct Reading {
  const char* name;
  Readings readings;
  const char* told;
};
class Warned : public testing::TestWithParam<Reading> {};

TEST_P(Warned, InASentence) {
  std::vector<std::string> lines;
  for (const auto& [kind, text] : warnings_of(GetParam().readings, kNow)) lines.push_back(kind + ": " + text);
  EXPECT_EQ(fmt::format("{}", fmt::join(lines, "; ")), GetParam().told);
}

WallTime in_days(int days) {
  return kNow + std::chrono::hours(24 * days) + std::chrono::hours(1);
}

INSTANTIATE_TEST_SUITE_P(
    Warnings, Warned,
    testing::Values(
        Reading{"NothingRead", {}, ""},
        Reading{"Well",
                {.memory_bytes = 4 * kGibi,
                 .memory_available_bytes = 2 * kGibi,
                 .disk_bytes = 32 * kGibi,
                 .disk_free_bytes = 20 * kGibi,
                 .inodes = 2'000'000,
                 .inodes_free = 1'000'000,
                 .temperature_c = 79,
                 .throttled = 0,
                 .device_time = kNow + std::chrono::seconds(59),
                 .datastore_bytes = kGibi / 2,
                 .certificates = {{"server.crt", in_days(31)}}},
                ""},
        Reading{"DiskNearlyFull",
                {.disk_bytes = 32 * kGibi, .disk_free_bytes = 3 * kGibi},
                "disk: disk nearly full: 3072 MiB free of 32 GiB"},
        Reading{"ASmallCardMayHaveLess", {.disk_bytes = 16 * kGibi, .disk_free_bytes = 3 * kGibi}, ""},
        Reading{"Inodes", {.inodes = 1'000, .inodes_free = 49}, "inodes: disk nearly out of inodes: 49 free of 1000"},
        Reading{"Memory",
                {.memory_bytes = kGibi, .memory_available_bytes = 100U << 20U},
                "memory: memory nearly used up: 100 MiB available of 1024 MiB"},
        Reading{"Hot", {.temperature_c = 80}, "temperature: hot: 80 °C"},
        Reading{"UndervoltageNow",
                {.throttled = 0x50005},
                "power: undervoltage now: it damages the datastore; use the supply made for the board"},
        Reading{"UndervoltageSeen",
                {.throttled = 0x10000},
                "power: undervoltage seen since the device began: use the supply made for the board"},
        Reading{"Slowed", {.throttled = 0x4}, "power: the board slows itself down"},
        Reading{
            "ClockBehind", {.device_time = kNow - std::chrono::hours(3)}, "clock: its clock is 3h behind the hub's"},
        Reading{
            "ClockAhead", {.device_time = kNow + std::chrono::minutes(2)}, "clock: its clock is 2m ahead of the hub's"},
        Reading{"CertificateSoon",
                {.certificates = {{"ca.crt", in_days(900)}, {"server.crt", in_days(12)}}},
                "certificates: certificate server.crt expires in 12 days"},
        Reading{"CertificateGone",
                {.certificates = {{"server.crt", in_days(-2)}}},
                "certificates: certificate server.crt has expired"},
        Reading{"Datastore",
                {.datastore_bytes = 2 * kGibi},
                "datastore: the datastore takes 2048 MiB: it should stay below 1024 MiB"},
        Reading{"NodeAndPods",
                {.pressures = {"DiskPressure", "PIDPressure"}, .pods_not_ready = 2, .first_ill_pod = "a/b: Evicted"},
                "node: the node is under DiskPressure, PIDPressure; pods: 2 pods are not ready: a/b: Evicted"}),
    [](const auto& row) { return row.param.name; });

TEST(Warnings, HaveOnlyKindsThatCanBeAskedFor) {
  const Readings all{.memory_bytes = kGibi,
                     .memory_available_bytes = 1,
                     .disk_bytes = kGibi,
                     .disk_free_bytes = 1,
                     .inodes = 1'000,
                     .inodes_free = 1,
                     .temperature_c = 99,
                     .throttled = 1,
                     .pressures = {"PIDPressure"},
                     .device_time = WallTime{1},
                     .datastore_bytes = 9 * kGibi,
                     .pods_not_ready = 1,
                     .first_ill_pod = "a/b: Evicted",
                     .certificates = {{"server.crt", kNow}}};
  std::vector<std::string_view> kinds;
  const Warnings warnings = warnings_of(all, kNow);
  for (const auto& [kind, text] : warnings) kinds.emplace_back(kind);
  EXPECT_EQ(kinds, warning_kinds());
}

}  // namespace
}  // namespace kelpie::hub
