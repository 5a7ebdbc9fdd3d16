// The kelpie command.
#include <exception>

#include <fmt/core.h>

#include "tools/kelpie/program.h"

int main(int argc, char** argv) {
  try {
    return kelpie::cli::run_program({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n  this is a bug of kelpie {}; please report it\n", error.what(), KELPIE_VERSION);
    return 70;  // exit_code.h: OurBug
  }
}
