// What on this device keeps, or one day will keep, MicroK8s or its agent from working, each with what to type against
// it. Looks only; mend.h changes.
#pragma once

#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

enum class Grade {
  Fine,
  Remark,   // works, and is worth knowing
  Trouble,  // something fails now, or will
};
[[nodiscard]] std::string_view to_string(Grade grade);

/// What `doctor --fix` may do by itself: safe, and taken back by the line it prints.
enum class Repair { None, MemoryCgroup, HoldRefreshes };

struct Finding {
  std::string check;  // memory-cgroup
  Grade grade = Grade::Fine;
  std::string seen;
  std::string remedy = {};  // what to type; empty when fine
  Repair repair = Repair::None;
};

/// What only the program itself can see.
struct Own {
  Result<void> identity;
  Result<void> broker;  // reached, or why not
};

/// Every check, in the order people should go through them.
[[nodiscard]] std::vector<Finding> examine(const Own& own, const Work& work);

}  // namespace kelpie::agent
