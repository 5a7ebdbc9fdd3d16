#include "tools/kelpie/signing/trust_words.h"

#include <set>

#include <fmt/core.h>

#include "tools/kelpie/signing/signer.h"

namespace kelpie::cli {
namespace {

std::size_t persons_of(const std::vector<wire::TrustOperator>& keys) {
  std::set<std::string> persons;
  for (const wire::TrustOperator& one : keys) persons.insert(one.person);
  return persons.size();
}

std::string needs(std::uint32_t threshold) {
  return threshold <= 1 ? "one person" : fmt::format("{} persons", threshold);
}

std::string operator_words(const wire::Trust& trust) {
  const std::size_t persons = persons_of(trust.operators);
  std::string out = fmt::format(
      "an operator's key: a change on any device needs {}, dangerous work (privileged workloads, data lost) needs {}. "
      "It reaches no device without the hub",
      needs(trust.change_threshold), needs(trust.dangerous_threshold));
  if (trust.dangerous_threshold > persons) {
    out += fmt::format("; there is only {} here, so nobody can start dangerous work",
                       needs(static_cast<std::uint32_t>(persons)));
  } else if (trust.dangerous_threshold <= 1) {
    out += "; one stolen laptop that reaches the hub is enough for everything";
  }
  return out;
}

}  // namespace

std::vector<std::string> trust_words(const wire::Trust& trust) {
  std::vector<std::string> out;
  out.emplace_back(
      "the broker: it holds no key. It can withhold messages, which both sides notice; it can change and replay "
      "nothing");
  out.emplace_back("a device's key: it speaks for that device alone, and can report success that is none");
  out.emplace_back(
      "the hub's key: it can read all reports, withhold, pause, and hurry past the waves of plans that operators "
      "signed. It cannot bring a device anything that no operator signed for it");
  out.push_back(operator_words(trust));
  out.push_back(fmt::format("the hub's key with keys of {}: any change on every device at once{}",
                            needs(trust.change_threshold),
                            trust.dangerous_threshold <= trust.change_threshold ? ", dangerous ones too" : ""));
  out.push_back(fmt::format("a root key: keys of {} replace every other key. Keep it off this machine",
                            needs(trust.root_threshold)));
  return out;
}

}  // namespace kelpie::cli
