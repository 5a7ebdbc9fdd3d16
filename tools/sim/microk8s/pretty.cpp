#include "tools/sim/microk8s/json.h"

namespace kelpie::sim {
namespace {

struct PrettyText {
  std::string out;
  std::size_t indent;

  void line(std::size_t depth) {
    out += '\n';
    out.append(indent * depth, ' ');
  }
  void write(const Json& value, std::size_t depth) {
    const char* before = "";
    if (!value.members().empty()) {
      out += '{';
      for (const auto& [key, member] : value.members()) {
        out += before;
        before = ",";
        line(depth + 1);
        out += Json(key).dump() + ": ";
        write(member, depth + 1);
      }
      line(depth);
      out += '}';
    } else if (!value.items().empty()) {
      out += '[';
      for (const Json& item : value.items()) {
        out += before;
        before = ",";
        line(depth + 1);
        write(item, depth + 1);
      }
      line(depth);
      out += ']';
    } else {
      out += value.dump();
    }
  }
};

}  // namespace

std::string pretty(const Json& value, int indent) {
  PrettyText text{.out = {}, .indent = static_cast<std::size_t>(indent)};
  text.write(value, 0);
  return std::move(text.out);
}

}  // namespace kelpie::sim
