// The fuzz corpora hold one input per refusal path and per type, made by tests that know what each input stands for.
#pragma once

#include <map>
#include <string>

namespace kelpie::test {

/// Each input is tests/fuzz/corpus/<target>/<name>, byte for byte. With KELPIE_GOLDEN_WRITE=1 they are written.
void expect_corpus(const std::string& target, const std::map<std::string, std::string>& inputs);

}  // namespace kelpie::test
