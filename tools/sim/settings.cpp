#include "tools/sim/settings.h"

#include <charconv>
#include <optional>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "proto/wire/broker_url.h"

namespace kelpie::sim {
namespace {

constexpr std::uint32_t kSpeedMax = 1'000;  // chosen: a day in a minute and a half

template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number least, Number most) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && out >= least && out <= most ? std::optional<Number>(out) : std::nullopt;
}

class Reader {
 public:
  Result<Settings> read(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& word = arguments[i];
      if (i == 0 && word == "list") {
        out_.doing = Doing::List;
      } else if (word == "help" || word == "--help" || word == "-h") {
        out_.doing = Doing::Help;
        return out_;
      } else if (word == "version" || word == "--version") {
        out_.doing = Doing::Version;
        return out_;
      } else if (!word.starts_with("--")) {
        problems_.push_back(fmt::format("\"{}\" does not belong here", word));
      } else if (const std::size_t equals = word.find('='); equals != std::string::npos) {
        take(word.substr(2, equals - 2), word.substr(equals + 1));
      } else if (i + 1 < arguments.size()) {
        take(word.substr(2), arguments[++i]);
      } else {
        problems_.push_back(fmt::format("{} needs a value", word));
      }
    }
    return finish();
  }

 private:
  void take(const std::string& name, const std::string& value) {
    SimulatorOptions& fleet = out_.fleet;
    constexpr std::string_view kLabel = "label-";
    if (name == "count") return set(name, value, fleet.count, std::size_t{1}, kDevicesMax);
    if (name == "seed") return set(name, value, fleet.seed, std::uint64_t{0}, ~std::uint64_t{0});
    if (name == "speed") return set(name, value, fleet.speed, 1U, kSpeedMax);
    if (name == "broker") return take_broker(value);
    if (name == "trust") {
      out_.trust_file = value;
    } else if (name == "microk8s") {
      if (!usual_channels().contains(value)) problems_.push_back(fmt::format("there is no channel \"{}\"", value));
      fleet.channel = value;
    } else if (name == "fault") {
      const Result<SetFault> fault = parse_fault_for(value);
      if (fault)
        fleet.faults.push_back(*fault);
      else
        problems_.push_back(fmt::format("fault \"{}\": {}", value, fault.error().message));
    } else if (name == "off") {
      const Result<Order> order = parse_order("power off " + value);
      if (order)
        fleet.off.push_back(std::get<SetPower>(*order));
      else
        problems_.push_back(fmt::format("off \"{}\": {}", value, order.error().message));
    } else if (name.starts_with(kLabel) && name.size() > kLabel.size()) {
      fleet.labels[name.substr(kLabel.size())] = value;
    } else {
      problems_.push_back(fmt::format("there is no flag --{}", name));
    }
  }
  template <typename Number>
  void set(const std::string& name, const std::string& value, Number& field, Number least, Number most) {
    const std::optional<Number> number = parse_number(value, least, most);
    if (number)
      field = *number;
    else
      problems_.push_back(fmt::format("{} is \"{}\", expected a number from {} to {}", name, value, least, most));
  }
  void take_broker(const std::string& url) {
    const Result<wire::BrokerUrl> broker = wire::parse_broker_url(url);
    if (!broker) return problems_.push_back(broker.error().message);
    out_.fleet.broker_host = broker->host;
    out_.fleet.broker_port = broker->port;
  }
  Result<Settings> finish() {
    if (out_.doing == Doing::Run && out_.fleet.broker_host.empty() && problems_.empty())
      problems_.emplace_back("broker is missing: --broker tcp://127.0.0.1:1883");
    if (out_.doing == Doing::Run && out_.trust_file.empty() && problems_.empty())
      problems_.emplace_back("trust is missing: --trust FILE, the trust.klp that kelpie hub init made");
    if (problems_.empty()) return out_;
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{}", fmt::join(problems_, "; ")),
                 .reason = {},
                 .hint = "kelpie-sim help"});
  }

  Settings out_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<Settings> read_settings(const std::vector<std::string>& arguments) {
  return Reader().read(arguments);
}

std::string help() {
  return "kelpie-sim: a fleet of agents over MicroK8s that are not there, for demos, tests and measurements.\n\n"
         "usage: kelpie-sim --broker URL --trust FILE [flags]   runs the fleet until quit, SIGTERM or SIGINT\n"
         "       kelpie-sim list [--count N] [--seed S]         its devices, for: kelpie device add --from -\n\n"
         "flags:\n"
         "  --count N          devices (24)\n"
         "  --seed S           chooses their keys and ports (1)\n"
         "  --broker URL       MQTT broker on loopback: tcp://127.0.0.1:1883\n"
         "  --trust FILE       trust document that kelpie hub init made\n"
         "  --speed N          how many times faster than real steps take their time (1)\n"
         "  --microk8s CHANNEL begin with MicroK8s installed and ready; without it, on bare devices\n"
         "  --fault FAULT      from the start; may be given again: \"registry-unauthorized:docker.io site=oslo\"\n"
         "  --off WHOM         begins without power: NAME or LABEL=VALUE; may be given again\n"
         "  --label-KEY VALUE  a label of every device, beside site, tier and model\n\n"
         "says \"ready: N devices connected\", then takes orders on standard input, one a line:\n"
         "  fault set FAULT [LABEL=VALUE…]      fault clear [KIND] [LABEL=VALUE…]\n"
         "  power off NAME | LABEL=VALUE…       power on NAME | LABEL=VALUE…       quit\n"
         "FAULT is KIND[:SUBJECT][*TIMES]; a wrong kind lists them all. Devices keep their state without power, the "
         "process keeps none.\n";
}

}  // namespace kelpie::sim
