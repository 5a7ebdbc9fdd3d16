#include "device-agent/microk8s/machine.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>

#include "device-agent/microk8s/preflight.h"

namespace kelpie::agent {
namespace {

constexpr int kZonesMax = 16;             // chosen: a NUC has about ten
constexpr int kSensorsMax = 8;            // chosen: hwmon folders looked through
constexpr std::size_t kAddressesMax = 8;  // report.proto
constexpr int kHexadecimal = 16;

std::string read_line(const Work& work, const std::string& path) {
  const Result<std::string> text = work.host().files.read(path);
  if (!text) return {};
  // The device tree ends its strings with a zero.
  return last_line(std::string_view(*text).substr(0, text->find('\0')));
}

template <typename Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

std::string os_of(const Work& work) {
  const Result<std::string> text = work.host().files.read("/etc/os-release");
  if (!text) return {};
  constexpr std::string_view kKey = "PRETTY_NAME=";
  for (const std::string& line : lines_of(*text)) {
    if (!line.starts_with(kKey)) continue;
    std::string name = line.substr(kKey.size());
    std::erase(name, '"');
    return name;
  }
  return {};
}

std::optional<std::int32_t> hottest_zone(const Work& work) {
  constexpr std::int32_t kMilli = 1'000;
  constexpr std::int32_t kSensible = 150;  // above and below its negative: a sensor that is not there
  std::optional<std::int32_t> hottest;
  for (int i = 0; i < kZonesMax; ++i) {
    const auto milli =
        number_in<std::int32_t>(read_line(work, fmt::format("/sys/class/thermal/thermal_zone{}/temp", i)));
    if (!milli || std::abs(*milli / kMilli) > kSensible) continue;
    hottest = std::max(hottest.value_or(*milli / kMilli), *milli / kMilli);
  }
  return hottest;
}

/// The firmware's own word where its driver shows it, else the alarm of its voltage sensor (facts, microk8s 9; which of
/// the two a kernel has is a question for a real device).
std::optional<std::uint32_t> power_trouble(const Work& work) {
  constexpr const char* kThrottled = "/sys/devices/platform/soc/soc:firmware/get_throttled";
  if (const auto bits = number_in<std::uint32_t>(read_line(work, kThrottled), kHexadecimal)) return bits;
  for (int i = 0; i < kSensorsMax; ++i) {
    const std::string folder = fmt::format("/sys/class/hwmon/hwmon{}", i);
    if (read_line(work, folder + "/name") != "rpi_volt") continue;
    return number_in<std::uint32_t>(read_line(work, folder + "/in0_lcrit_alarm"));  // bit 0 means the same
  }
  return std::nullopt;
}

/// Those of the machine, not those that containers bring and take away all day.
bool is_own_interface(std::string_view name) {
  constexpr std::array<std::string_view, 9> kOthers{"lo",  "cali", "vxlan", "veth", "docker",
                                                    "cni", "br-",  "tunl",  "kube"};
  return std::none_of(kOthers.begin(), kOthers.end(), [&](std::string_view other) { return name.starts_with(other); });
}

bool is_global(std::string_view address) {
  return !address.starts_with("127.") && !address.starts_with("169.254.") && address != "::1" &&
         !address.starts_with("fe80:");
}

bool is_v6(std::string_view address) {
  return address.find(':') != std::string_view::npos;
}

/// "0107A8C0" is 192.168.7.1 on both of MicroK8s' architectures.
std::string address_of(std::string_view little_endian) {
  const auto bits = number_in<std::uint32_t>(little_endian, kHexadecimal);
  if (!bits) return {};
  constexpr std::uint32_t kByte = 0xFF;
  return fmt::format("{}.{}.{}.{}", *bits & kByte, *bits >> 8U & kByte, *bits >> 16U & kByte, *bits >> 24U & kByte);
}

struct Route {
  std::string interface;
  std::string gateway;
};
std::optional<Route> default_route(const Work& work) {
  constexpr std::size_t kColumns = 8;  // Iface Destination Gateway Flags RefCnt Use Metric Mask
  const Result<std::string> table = work.host().files.read("/proc/net/route");
  if (!table) return std::nullopt;
  std::optional<Route> found;
  std::uint32_t best = 0;
  for (const std::string& line : lines_of(*table)) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < kColumns || words[1] != "00000000" || words[7] != "00000000") continue;
    const std::uint32_t metric = number_in<std::uint32_t>(words[6]).value_or(0);
    if (found && metric >= best) continue;
    best = metric;
    found = Route{.interface = words[0], .gateway = address_of(words[2])};
  }
  return found;
}

void add_network(const Work& work, const std::vector<DeviceFiles::Address>& all, Facts& facts) {
  std::vector<DeviceFiles::Address> own;
  std::copy_if(all.begin(), all.end(), std::back_inserter(own), [](const DeviceFiles::Address& one) {
    return is_own_interface(one.interface) && is_global(one.address);
  });
  // Those of version 6 change by the day for privacy: told only where there are no others.
  const bool has_v4 = std::any_of(own.begin(), own.end(), [](const auto& one) { return !is_v6(one.address); });
  if (has_v4) std::erase_if(own, [](const auto& one) { return is_v6(one.address); });
  const std::optional<Route> route = default_route(work);
  if (route) facts.route = fmt::format("{} {}", route->gateway, route->interface);
  for (const DeviceFiles::Address& one : own) {
    if (route && facts.address.empty() && one.interface == route->interface) facts.address = one.address;
    if (facts.addresses.size() < kAddressesMax) {
      facts.addresses.push_back(fmt::format("{} {}", one.interface, one.address));
    }
  }
  std::sort(facts.addresses.begin(), facts.addresses.end());
}

}  // namespace

void add_machine(const Work& work, Facts& facts) {
  facts.hostname = read_line(work, "/proc/sys/kernel/hostname");
  facts.os = os_of(work);
  facts.kernel = read_line(work, "/proc/sys/kernel/osrelease");
  facts.model = read_line(work, "/proc/device-tree/model");
  if (facts.model.empty()) facts.model = read_line(work, "/sys/class/dmi/id/product_name");
  facts.memory_bytes = read_memory_bytes(work);
  facts.memory_available_bytes = read_memory_bytes(work, "MemAvailable:");
  const DeviceFiles::Space space = read_space(work);
  facts.disk_bytes = space.total_bytes;
  facts.disk_free_bytes = space.free_bytes;
  facts.disk_inodes = space.inodes;
  facts.disk_inodes_free = space.inodes_free;
  facts.temperature_c = hottest_zone(work);
  facts.throttled = power_trouble(work);
  const DeviceFiles::Kernel kernel = work.host().files.kernel();
  facts.is_clock_synchronised = kernel.is_clock_synchronised;
  add_network(work, kernel.addresses, facts);
}

std::optional<Duration> read_uptime(const Work& work) {
  const auto seconds = number_in<std::int64_t>(read_line(work, "/proc/uptime"));
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace kelpie::agent
