#include "tests/device-agent/microk8s/seen_reasons.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

namespace kelpie::test {

void note_reason(const agent::Call& call, const agent::CallResult& result) {
  const char* const file = std::getenv("KELPIE_SEEN_REASONS");
  if (file == nullptr || result.reason.empty()) return;
  const auto* const step = std::get_if<agent::StepCall>(&call.what);
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  std::ofstream out(file, std::ios::app);
  out << (step == nullptr ? "checks" : kind_of(step->step)) << ' ' << result.reason << ' ' << test.test_suite_name()
      << '.' << test.name() << '\n';
}

}  // namespace kelpie::test
