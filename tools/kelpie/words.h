// Words and colours that several commands share: ages, states, counts.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "proto/base/clock.h"
#include "tools/kelpie/view.h"

namespace kelpie::cli {

[[nodiscard]] WallTime to_wall(const google::protobuf::Timestamp& time);
[[nodiscard]] Duration to_duration(const google::protobuf::Duration& duration);

/// Two units at most: 4s, 41m, 3h12m, 12d. Never negative.
[[nodiscard]] std::string age(Duration duration);
/// "4s ago" between the two; "-" when there is no time.
[[nodiscard]] std::string ago(const google::protobuf::Timestamp& time, WallTime now);
/// The same as a cell that sorts by time, youngest first.
[[nodiscard]] Cell age_cell(const google::protobuf::Timestamp& time, WallTime now);

/// online, up-to-date, healthy, running, failed, …: the colour a state word has.
[[nodiscard]] Tone tone_of(std::string_view word);
/// "✔ " for good words, "✖ " for bad ones, …: beside each colour stands a symbol.
[[nodiscard]] std::string symbol_of(std::string_view word);
[[nodiscard]] Cell state_cell(const std::string& word);
/// A count that is only coloured when it is not zero.
[[nodiscard]] Cell count_cell(std::uint32_t count, Tone tone = Tone::Plain);
/// The text, or "-" when it is empty.
[[nodiscard]] std::string or_dash(const std::string& text);

/// "1 device", "3 devices".
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);
/// Bytes of a decimal text as people say them: 58 GB. The text itself when it is no number.
[[nodiscard]] std::string size_words(const std::string& bytes);

}  // namespace kelpie::cli
