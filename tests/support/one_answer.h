// A server on a Unix socket that answers one call with the bytes a test wrote down, sense or nonsense.
#pragma once

#include <string>
#include <thread>

#include "tests/support/temp_dir.h"

namespace kelpie::test {

class OneAnswer {
 public:
  enum class Then { Close, HoldOpen };  // HoldOpen: says no more, until the client gives up

  explicit OneAnswer(std::string response, Then then = Then::Close);
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer();

  [[nodiscard]] std::string socket() const { return folder_ / "socket"; }
  /// What the client sent; after the call.
  [[nodiscard]] std::string received();

 private:
  void serve();

  const TempDir folder_;
  const std::string response_;
  const Then then_;
  const int listener_;
  std::string received_;
  std::jthread thread_;
};

}  // namespace kelpie::test
