// Passphrases of key files: from a file or a terminal that does not show them; wiped when they are no longer needed.
// Never from arguments or the environment.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie::cli {

class Passphrase {
 public:
  Passphrase() = default;
  explicit Passphrase(std::string text) : text_(std::move(text)) {}
  Passphrase(Passphrase&& other) noexcept;
  Passphrase& operator=(Passphrase&& other) noexcept;
  ~Passphrase();

  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  void wipe();
  std::string text_;
};

/// The first line of a file that nobody else may read. Errors: NotFound; PermissionDenied (mode); InvalidArgument
/// (empty, longer than 1 KiB).
[[nodiscard]] Result<Passphrase> read_passphrase_file(const std::string& path);
/// Asks on the controlling terminal. Errors: InvalidArgument without one.
[[nodiscard]] Result<Passphrase> ask_passphrase(std::string_view question);
/// Asks twice. Errors: as above; InvalidArgument when the two differ or it is shorter than eight characters.
[[nodiscard]] Result<Passphrase> ask_new_passphrase(std::string_view question);

}  // namespace kelpie::cli
