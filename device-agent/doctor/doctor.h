// kelpie-agent doctor: what it is told, and what it prints.
#pragma once

#include <string>
#include <vector>

#include "device-agent/config.h"

namespace kelpie::agent {

struct DoctorConfig {
  Config agent;
  bool is_fixing = false;
  bool is_json = false;
};
/// --fix, -o json, and the flags of run. Errors: InvalidArgument.
[[nodiscard]] Result<DoctorConfig> read_doctor_config(std::vector<std::string> arguments);

struct Diagnosis {
  std::string text;          // for people, or JSON
  bool has_trouble = false;  // after what was mended
};
[[nodiscard]] Diagnosis diagnose(const DoctorConfig& config);

}  // namespace kelpie::agent
