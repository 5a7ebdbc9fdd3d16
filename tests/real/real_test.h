// What tests with real parts begin with: a device, or the reason why there can be none here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/real/real_device.h"

namespace kelpie::test {

using Lines = std::vector<std::string>;

class RealTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_real_device(); !why.empty()) GTEST_SKIP() << why;
    real_.emplace(options);
  }
  RealDevice& real() { return *real_; }

  RealOptions options;

 private:
  std::optional<RealDevice> real_;
};

}  // namespace kelpie::test
