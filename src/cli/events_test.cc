#include "cli/events.h"

#include <gtest/gtest.h>

#include <vector>

namespace reachback::cli {
namespace {

struct Read {
  std::vector<ServerEvent> events;
  Result<void> outcome;
  std::string last_id;
};

Read read(const std::string& text, std::size_t piece) {
  Read out;
  EventReader reader([&out](const ServerEvent& event) {
    out.events.push_back(event);
    return true;
  });
  for (std::size_t at = 0; at < text.size() && out.outcome.ok(); at += piece) {
    out.outcome = reader.feed(std::string_view(text).substr(at, piece));
  }
  out.last_id = reader.last_id();
  return out;
}

TEST(EventReader, events_are_the_same_however_they_are_cut) {
  const std::string text =
      "\xef\xbb\xbf: hello\nid: 7\nevent: output\ndata: {\"a\":1}\n\n"
      ":\r\ndata:two\rdata: lines\r\n\r\nid\ndata\n\nunknown: x\nevent: lost\n\ndata: cut";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    Read got = read(text, piece);
    ASSERT_TRUE(got.outcome.ok());
    ASSERT_EQ(got.events.size(), 3u) << piece;
    EXPECT_EQ(got.events[0].id, "7");
    EXPECT_EQ(got.events[0].type, "output");
    EXPECT_EQ(got.events[0].data, "{\"a\":1}");
    EXPECT_EQ(got.events[1].id, "7") << "the last id stays";
    EXPECT_EQ(got.events[1].type, "message");
    EXPECT_EQ(got.events[1].data, "two\nlines");
    EXPECT_EQ(got.events[2].data, "");
    EXPECT_EQ(got.last_id, "") << "an empty id resets it";
  }
}

TEST(EventReader, an_id_that_no_header_can_carry_is_passed_over) {
  EXPECT_EQ(read("id: a b\ndata: 1\n\n", 3).last_id, "");
  EXPECT_EQ(read("id: 1\ndata: 1\n\nid: \x01\ndata: 2\n\n", 3).last_id, "1");
  EXPECT_EQ(read("id: " + std::string(1025, 'x') + "\ndata: 1\n\n", 64).last_id, "");
}

TEST(EventReader, lines_and_events_have_a_bound) {
  EXPECT_EQ(
      read("data: " + std::string(EventReader::kEventBytesMax, 'x'), 4096).outcome.error().code,
      Errc::protocol);
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += "data: " + std::string(100'000, 'x') + "\n";
  }
  EXPECT_FALSE(read(many, 4096).outcome.ok());
}

TEST(EventReader, the_time_to_wait_is_read_and_bounded) {
  EventReader reader([](const ServerEvent&) { return true; });
  ASSERT_TRUE(reader.feed("retry: 250\nretry: x\nretry: -1\n").ok());
  EXPECT_EQ(reader.retry_ms(), 250);
  ASSERT_TRUE(reader.feed("retry: 99999999\n").ok());
  EXPECT_EQ(reader.retry_ms(), 60'000);
}

TEST(EventReader, after_a_cut_connection_what_was_begun_is_dropped_and_the_id_stays) {
  std::vector<std::string> got;
  EventReader reader([&got](const ServerEvent& event) {
    got.push_back(event.data);
    return got.size() < 2;
  });
  ASSERT_TRUE(reader.feed("id: 1\ndata: a\n\nid: 2\ndata: b").ok());
  reader.restart();
  EXPECT_EQ(reader.last_id(), "1");
  EXPECT_EQ(reader.feed("data: c\n\n").error().code, Errc::timed_out) << "enough";
  EXPECT_EQ(got, (std::vector<std::string>{"a", "c"}));
}

}  // namespace
}  // namespace reachback::cli
