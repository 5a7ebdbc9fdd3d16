// The strict walker, rule by rule, on bytes written by hand.
#include "proto/wire/walker.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <kelpie/v1/report.pb.h>
#include <walker_shapes.pb.h>

#include "tests/proto/samples.h"

namespace kelpie::wire {
namespace {

using namespace std::string_literals;
using v1::shapes::Shapes;

constexpr std::string_view kNoRule;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<char>(value | 0x80U));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string tag(std::uint64_t number, std::uint64_t type) {
  return varint(number << 3U | type);
}
std::string number(std::uint64_t field, std::uint64_t value) {
  return tag(field, 0) + varint(value);
}
std::string bytes(std::uint64_t field, const std::string& content) {
  return tag(field, 2) + varint(content.size()) + content;
}
std::string repeat(const std::string& text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}
std::string nested(int depth) {
  std::string out;
  for (int i = 1; i < depth; ++i) out = bytes(11, out);
  return out;
}

struct Row {
  std::string name;
  std::string message;
  std::string_view rule;  // part of the error; kNoRule when it must pass
};

void expect_rows(const std::vector<Row>& rows, UnknownFields unknown = UnknownFields::Refuse) {
  for (const Row& row : rows) {
    const Result<void> checked = check_strict(as_bytes(row.message), *Shapes::descriptor(), unknown);
    if (row.rule == kNoRule) {
      EXPECT_TRUE(checked) << row.name << ": " << checked.error().message;
      EXPECT_TRUE(Shapes().ParseFromString(row.message)) << row.name;
      continue;
    }
    ASSERT_FALSE(checked) << row.name;
    EXPECT_EQ(checked.error().reason, "E_SCHEMA") << row.name;
    EXPECT_NE(checked.error().message.find(row.rule), std::string::npos) << row.name << ": " << checked.error().message;
  }
}

TEST(Walker, PassesWhatOurOwnSchemaWrites) {
  expect_rows(
      {{"nothing", "", kNoRule},
       {"all kinds",
        number(1, 7) + number(2, ~0ULL) + number(3, 1) + number(4, ~0ULL) + number(5, 1) + number(6, 1) + tag(7, 5) +
            "abcd" + tag(8, 1) + "abcdefgh" + bytes(9, "grüß €😀") + bytes(10, "\xff\xfe") + bytes(11, number(1, 1)) +
            bytes(12, "\1\2\3") + repeat(number(13, 5), 3) + repeat(bytes(14, "name"), 2),
        kNoRule}});
}

TEST(Walker, RefusesUnknownFields) {
  expect_rows({{"number", number(99, 1), "field 99: unknown field"},
               {"deep inside", bytes(11, bytes(99, "x")), "unknown field"},
               {"enum value", number(6, 2), "no value"}});
}

TEST(Walker, LetsUnknownFieldsPassWhereAskedButNotLoose) {
  expect_rows({{"number", number(99, 1), kNoRule},
               {"bytes", bytes(99, "x"), kNoRule},
               {"fixed", tag(98, 5) + "abcd" + tag(99, 1) + "abcdefgh", kNoRule},
               {"twice", number(99, 1) + number(99, 1), kNoRule},
               {"enum value", number(6, 2), kNoRule},
               {"deep inside", bytes(11, bytes(99, "x")), kNoRule},
               {"group", tag(99, 3) + tag(99, 4), "is a group"},
               {"cut short", bytes(99, "x").substr(0, 3), "cut short"},
               {"fixed cut short", tag(99, 1) + "abc", "cut short"},
               {"overlong", tag(99, 0) + "\x80\x00"s, "longer than it need be"},
               {"before a known one", number(99, 1) + number(1, 1), "out of order"}},
              UnknownFields::Pass);
}

TEST(Walker, RefusesDisorderAndRepetition) {
  expect_rows({{"unsorted", number(2, 1) + number(1, 1), "u32: out of order"},
               {"twice", number(1, 1) + number(1, 1), "set twice"},
               {"message twice", bytes(11, "") + bytes(11, ""), "set twice"},
               {"packed in two pieces", bytes(12, "\1") + bytes(12, "\2"), "set twice"},
               {"list in two places", number(13, 1) + bytes(14, "a") + number(13, 1), "out of order"}});
}

TEST(Walker, RefusesASecondMemberOfAOneof) {
  expect_rows({{"one", number(20, 0), kNoRule}, {"both", number(19, 1) + number(20, 1), "a second member of choice"}});
}

TEST(Walker, RefusesOtherWireTypes) {
  expect_rows({{"bytes for a number", bytes(1, "x"), "wrong wire type"},
               {"number for bytes", number(9, 1), "wrong wire type"},
               {"fixed64 for fixed32", tag(7, 1) + "abcdefgh", "wrong wire type"},
               {"number for a message", number(11, 1), "wrong wire type"},
               {"loose for packed", number(12, 1), "wrong wire type"},
               {"packed for loose", bytes(13, "\1"), "wrong wire type"},
               {"wire type 6", tag(1, 6), "does not exist"},
               {"wire type 7", tag(1, 7), "does not exist"},
               {"field 0", number(0, 1), "out of range"},
               {"field 2^29", number(1ULL << 29U, 1), "out of range"}});
}

TEST(Walker, RefusesGroupsAndMaps) {
  expect_rows({{"group", tag(18, 3) + tag(18, 4), "is a group"},
               {"stray end", tag(1, 4), "is a group"},
               {"map", bytes(17, bytes(1, "key") + number(2, 1)), "maps are not part"}});
}

TEST(Walker, RefusesNumbersWithTwoSpellings) {
  expect_rows({{"overlong zero", tag(1, 0) + "\x80\x00"s, "longer than it need be"},
               {"overlong tag", "\x88\x00\x01"s, "longer than it need be"},
               {"overlong length", tag(9, 2) + "\x81\x00x"s, "longer than it need be"},
               {"overlong item", bytes(12, "\x81\x00"s), "longer than it need be"},
               {"eleven bytes", tag(4, 0) + std::string(10, '\xff') + "\1", "more than 64 bits"},
               {"65 bits", tag(4, 0) + std::string(9, '\xff') + "\2", "more than 64 bits"},
               {"unfinished", tag(4, 0) + "\x80", "cut short"},
               {"uint32 of 33 bits", number(1, 1ULL << 32U), "no value"},
               {"int32 of 33 bits", number(2, 1ULL << 32U), "no value"},
               {"sint32 of 33 bits", number(3, 1ULL << 32U), "no value"},
               {"bool of 2", number(5, 2), "no value"}});
}

TEST(Walker, RefusesWhatIsCutShort) {
  expect_rows({{"text", bytes(9, "abc").substr(0, 4), "cut short"},
               {"length of 2^63", tag(9, 2) + varint(1ULL << 63U), "cut short"},
               {"fixed32", tag(7, 5) + "abc", "cut short"},
               {"fixed64", tag(8, 1) + "abc", "cut short"},
               {"inner message beyond the outer", bytes(11, tag(9, 2) + varint(5) + "abc"), "cut short"}});
}

TEST(Walker, CapsTexts) {
  expect_rows({{"default, at the cap", bytes(9, std::string(256, 'x')), kNoRule},
               {"default, above", bytes(9, std::string(257, 'x')), "257 bytes, at most 256"},
               {"own, at the cap", bytes(10, "abcd"), kNoRule},
               {"own, above", bytes(10, "abcde"), "5 bytes, at most 4"},
               {"in a list", bytes(14, "abcdef"), "6 bytes, at most 5"}});
}

TEST(Walker, CapsLists) {
  expect_rows({{"loose", repeat(number(13, 1), 4), "more than 3 items"},
               {"packed, at the cap", bytes(12, "\1\2\3"), kNoRule},
               {"packed", bytes(12, "\1\2\3\4"), "more than 3 items"},
               {"texts", repeat(bytes(14, "a"), 3), "more than 2 items"},
               {"a list nobody capped", number(16, 1), "more than 0 items"}});
}

TEST(Walker, CapsTheTotalOfObjects) {
  expect_rows({{"messages, at the cap", repeat(bytes(15, ""), 4'095), kNoRule},
               {"messages", repeat(bytes(15, ""), 4'096), "more than 4096 objects"},
               {"items", bytes(21, std::string(4'096, '\1')), "more than 4096 objects"},
               {"over several messages", bytes(11, repeat(bytes(15, ""), 3'000)) + repeat(bytes(15, ""), 2'000),
                "more than 4096 objects"}});
}

TEST(Walker, CapsDepth) {
  expect_rows({{"at the cap", nested(8), kNoRule}, {"above", nested(9), "nested deeper than 8"}});
}

TEST(Walker, RefusesTextThatIsNotUtf8) {
  const std::vector<std::string> wrong = {"\x80",
                                          "\xc3",
                                          "\xc0\x80",
                                          "\xe0\x80\x80",
                                          "\xed\xa0\x80",
                                          "\xf0\x80\x80\x80",
                                          "\xf4\x90\x80\x80",
                                          "\xf5\x80\x80\x80",
                                          "\xe2\x82",
                                          "a\xff",
                                          "\xf0\x9f\x98"};
  for (const std::string& text : wrong) expect_rows({{to_hex(as_bytes(text)), bytes(9, text), "not UTF-8"}});
}

TEST(Walker, PassesEverySamplePayload) {
  const Result<void> report = check_strict(as_bytes(test::sample_payloads()[4].second), *v1::Report::descriptor());
  EXPECT_TRUE(report) << report.error().message;
}

void expect_caps(const google::protobuf::Descriptor& message) {
  for (int i = 0; i < message.field_count(); ++i) {
    const auto& field = *message.field(i);
    EXPECT_FALSE(field.is_map()) << field.full_name();
    if (field.is_repeated()) {
      EXPECT_TRUE(field.options().HasExtension(v1::max_items)) << field.full_name();
    }
  }
}

TEST(Schema, EveryListHasACap) {
  const auto& pool = *google::protobuf::DescriptorPool::generated_pool();
  for (const char* name : {"deliver", "release", "report", "trust"}) {
    const auto* file = pool.FindFileByName(fmt::format("kelpie/v1/{}.proto", name));
    ASSERT_NE(file, nullptr) << name;
    for (int i = 0; i < file->message_type_count(); ++i) expect_caps(*file->message_type(i));
  }
}

}  // namespace
}  // namespace kelpie::wire
