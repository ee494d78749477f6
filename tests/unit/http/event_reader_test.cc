#include "http/event_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace mintmark::http {
namespace {

constexpr std::size_t longest = 64;

struct Read {
  std::vector<ServerEvent> events;
  Result<bool> last = true;
};

// The stream in parts of `octets`.
Read read_in_parts(std::string_view stream, std::size_t octets) {
  EventReader reader(longest);
  Read read;
  while (!stream.empty() && read.last && *read.last) {
    read.last = reader.take(stream.substr(0, octets), [&](const ServerEvent& event) {
      read.events.push_back(event);
      return true;
    });
    stream.remove_prefix(std::min(octets, stream.size()));
  }
  return read;
}

// However it is cut.
void expect_events(std::string_view stream,
                   const std::vector<std::pair<std::string, std::string>>& wanted) {
  for (std::size_t octets = 1; octets <= stream.size(); ++octets) {
    const Read read = read_in_parts(stream, octets);
    ASSERT_TRUE(read.last) << read.last.error().to_string();
    ASSERT_EQ(read.events.size(), wanted.size()) << "in parts of " << octets;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(read.events[i].type, wanted[i].first);
      EXPECT_EQ(read.events[i].data, wanted[i].second);
    }
  }
}

void expect_too_long(const std::string& stream) {
  for (const std::size_t octets : {std::size_t{1}, std::size_t{7}, stream.size()}) {
    const Read read = read_in_parts(stream, octets);
    ASSERT_FALSE(read.last);
    EXPECT_EQ(read.last.error().code, Code::http_answer_too_large);
    EXPECT_TRUE(read.events.empty());
  }
}

TEST(EventReader, TakesTypeAndDataOfEachEvent) {
  expect_events("event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", {{"a", "1"}, {"b", "2"}});
}

TEST(EventReader, TakesEveryLineEnd) {
  expect_events("event: a\r\ndata: 1\r\n\r\nevent: b\rdata: 2\r\rdata: 3\n\r\n",
                {{"a", "1"}, {"b", "2"}, {"", "3"}});
}

TEST(EventReader, JoinsLinesOfData) {
  expect_events("data: 1\ndata:\ndata: 3\n\n", {{"", "1\n\n3"}});
}

TEST(EventReader, TakesOneSpaceAndNoMoreFromAValue) {
  expect_events("data:1\n\ndata: 2\n\ndata:  3\n\n", {{"", "1"}, {"", "2"}, {"", " 3"}});
}

TEST(EventReader, PassesOverCommentsOtherFieldsAndAByteOrderMark) {
  expect_events("\xEF\xBB\xBF: hello\nid: 7\nretry: 1\nelse\ndata: 1\nDATA: 2\n\n", {{"", "1"}});
  expect_events(
      "\xEF\xBB\xBF"
      "data: 1\n\n",
      {{"", "1"}});
  expect_events(
      "a: b\n\n\xEF\xBB\xBF"
      "data: 1\n\ndata: 2\n\n",
      {{"", "2"}});
}

TEST(EventReader, GivesNoEventWithoutDataAndForgetsItsType) {
  expect_events("event: a\n\ndata: 1\n\n", {{"", "1"}});
  expect_events("\n\n\n", {});
  expect_events("data\n\n", {{"", ""}});
}

TEST(EventReader, GivesNoEventThatDidNotEnd) { expect_events("data: 1\n\ndata: 2\n", {{"", "1"}}); }

TEST(EventReader, RefusesALineThatIsTooLong) {
  expect_too_long("data: " + std::string(longest, 'x') + "\n\n");
  expect_too_long(":" + std::string(longest + 1, 'x'));
}

TEST(EventReader, RefusesAnEventWhoseLinesAreTooLongTogether) {
  std::string many;
  for (std::size_t i = 0; i < longest; ++i) many += "data: x\n";
  expect_too_long(many + "\n");
}

TEST(EventReader, ReadsNoFurtherWhenNoMoreIsWanted) {
  EventReader reader(longest);
  int given = 0;
  const auto more = reader.take("data: 1\n\ndata: 2\n\n", [&](const ServerEvent&) {
    ++given;
    return false;
  });
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
  EXPECT_EQ(given, 1);
}

}  // namespace
}  // namespace mintmark::http
