// Tables that fit, text that cannot harm a terminal, and the order of rows.
#include "tools/kelpie/layout.h"

#include <kelpie/api/v1/api.pb.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kelpie::cli {
namespace {

using ::testing::HasSubstr;

Table devices() {
  return {.columns = {{.title = "NAME"},
                      {.title = "FLEET", .drop_order = 2},
                      {.title = "SEEN", .drop_order = 1, .is_number = true},
                      {.title = "KEY", .drop_order = 9, .is_wide = true}},
          .rows = {{{"pi-turin-07"}, {"kiosk-eu"}, {.text = "4s", .number = 4}, {"9c41"}},
                   {{"pi-1"}, {"lab"}, {.text = "12d", .number = 1'036'800}, {"77d0"}}},
          .empty = "no devices"};
}

std::string drawn(const Table& table, const TableChoice& choice, const Canvas& canvas) {
  const Result<std::string> text = draw({table}, choice, canvas);
  return text ? *text : "error: " + text.error().message;
}

TEST(Layout, ShowsTheUsualColumnsAlignedAndWithoutTrailingBlanks) {
  EXPECT_EQ(drawn(devices(), {}, {}),
            "NAME         FLEET     SEEN\n"
            "pi-turin-07  kiosk-eu    4s\n"
            "pi-1         lab        12d\n");
}

TEST(Layout, DropsColumnsUntilTheTerminalHasRoom) {
  EXPECT_EQ(drawn(devices(), {}, {.width = 25}),
            "NAME         SEEN\n"
            "pi-turin-07    4s\n"
            "pi-1          12d\n");
  EXPECT_EQ(drawn(devices(), {.is_wide = true}, {.width = 12}), "NAME\npi-turin-07\npi-1\n");
}

TEST(Layout, CutsWhatMayNotBeDropped) {
  EXPECT_EQ(drawn(devices(), {}, {.width = 9}), "NAME\npi-turin…\npi-1\n");
  EXPECT_EQ(drawn(devices(), {}, {.width = 9, .is_utf8 = false}), "NAME\npi-tur...\npi-1\n");
}

TEST(Layout, ColumnsAskedForAreNeverDropped) {
  EXPECT_EQ(drawn(devices(), {.has_headers = false, .columns = {"key", "NAME"}}, {.width = 5}),
            "9c41  pi-turin-07\n77d0  pi-1\n");
  EXPECT_THAT(drawn(devices(), {.columns = {"FLEAT"}}, {}), HasSubstr("Did you mean \"FLEET\"?"));
}

TEST(Layout, NoRowsGiveNoText) {
  Table none = devices();
  none.rows.clear();
  EXPECT_EQ(drawn(none, {}, {}), "");
}

TEST(Layout, LinesEndAtTheEdge) {
  const Result<std::string> text = draw({Line{{"HUB  ", Tone::Strong}, {"hub.example is ready"}}}, {}, {.width = 12});
  EXPECT_EQ(*text, "HUB  hub.ex…\n");
}

TEST(Layout, ColoursEndWithTheirText) {
  const Result<std::string> text = draw({Line{{"✖ failed", Tone::Bad}, {" x"}}}, {}, {.has_color = true});
  EXPECT_EQ(*text, "\x1b[31m✖ failed\x1b[0m x\n");
}

TEST(Printable, MakesVisibleWhatCouldMoveTheCursorOrTurnTheText) {
  EXPECT_EQ(printable("a\x1b[2Jb\rc\td\n", true), "a\\x1b[2Jb\\x0dc d ");
  EXPECT_EQ(printable("\xe2\x80\xaegp.exe", true), "?gp.exe");  // right-to-left override
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m",
                      true),
            "\\x9b31m");                              // the one-byte form of ESC [
  EXPECT_EQ(printable("\xff\xc0\xaf", true), "???");  // no UTF-8; an overlong slash
}

TEST(Printable, WithoutUtf8SymbolsBecomeWordsAndTheRestMarks) {
  EXPECT_EQ(printable("✔ ✖ ⏸ ● █▒· a → b… é", false), "ok x || * #=. a -> b... ?");
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("✔ ok"), 4U);
  EXPECT_EQ(shortened("abcdef", 4, true), "abc…");
  EXPECT_EQ(shortened("abcdef", 2, false), "..");
}

TEST(SortView, OrdersNumbersByValueAndTheMessageWithTheRows) {
  api::v1::DeviceList list;
  list.add_items()->mutable_metadata()->set_name("pi-turin-07");
  list.add_items()->mutable_metadata()->set_name("pi-1");
  View view = view_of(list, {devices()});
  ASSERT_TRUE(sort_view(view, "-seen"));
  EXPECT_EQ(std::get<Table>(view.blocks[0]).rows[0][0].text, "pi-1");
  EXPECT_EQ(static_cast<const api::v1::DeviceList&>(*view.message).items(0).metadata().name(), "pi-1");
  ASSERT_TRUE(sort_view(view, "NAME"));
  EXPECT_EQ(std::get<Table>(view.blocks[0]).rows[0][0].text, "pi-1");
  EXPECT_FALSE(sort_view(view, "AGE"));
}

}  // namespace
}  // namespace kelpie::cli
