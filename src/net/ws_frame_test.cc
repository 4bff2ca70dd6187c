#include "net/ws_frame.h"

#include <gtest/gtest.h>

#include <vector>

namespace reachback::net {
namespace {

using Event = WsFrameReader::Event;
constexpr std::uint32_t kMask = 0x12345678;

struct Seen {
  Event event;
  std::string payload;
  std::uint16_t code = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// Everything the reader finds in `bytes`, fed in pieces of `piece` bytes.
std::vector<Seen> read_all(WsFrameReader& reader, std::string_view bytes, std::size_t piece) {
  std::vector<Seen> all;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    while (true) {
      Event event = reader.next(input);
      if (event == Event::need_more) {
        break;
      }
      bool coded = event == Event::close || event == Event::violation;
      all.push_back({event, reader.take_payload(), coded ? reader.close_code() : std::uint16_t{}});
    }
  }
  return all;
}

std::string frame(WsOpcode opcode, std::string_view payload, bool masked = true) {
  std::string out;
  append_ws_frame(out, opcode, payload,
                  masked ? std::optional<std::uint32_t>(kMask) : std::nullopt);
  return out;
}
std::string not_final(std::string bytes) {
  bytes[0] = static_cast<char>(bytes[0] & 0x7f);
  return bytes;
}

TEST(WsFrame, Messages_of_every_length_form_survive_both_roles_and_any_cut) {
  for (bool from_client : {true, false}) {
    for (std::size_t size : {0, 1, 7, 125, 126, 127, 65535, 65536, 100000}) {
      std::string message;
      for (std::size_t i = 0; i < size; ++i) {
        message += static_cast<char>(i * 31 + size);
      }
      for (std::size_t piece : {1, 3, 1000, 1 << 20}) {
        WsFrameReader reader(from_client, 1 << 20);
        auto seen = read_all(reader, frame(WsOpcode::binary, message, from_client), piece);
        ASSERT_EQ(seen.size(), 1u);
        EXPECT_EQ(seen[0], (Seen{Event::message, message}));
      }
    }
  }
}

TEST(WsFrame, Fragments_are_joined_and_control_frames_may_stand_between) {
  std::string bytes = not_final(frame(WsOpcode::binary, "one ")) + frame(WsOpcode::ping, "p") +
                      not_final(frame(WsOpcode::continuation, "two ")) +
                      not_final(frame(WsOpcode::continuation, "")) +
                      frame(WsOpcode::continuation, "three") + frame(WsOpcode::pong, "") +
                      frame(WsOpcode::binary, "next");
  for (std::size_t piece : {1, 2, 5, 1000}) {
    WsFrameReader reader(true, 1000);
    EXPECT_EQ(read_all(reader, bytes, piece), (std::vector<Seen>{{Event::ping, "p"},
                                                                 {Event::message, "one two three"},
                                                                 {Event::pong, ""},
                                                                 {Event::message, "next"}}));
  }
}

TEST(WsFrame, Violations_carry_their_close_code) {
  struct Case {
    const char* name;
    std::string bytes;
    std::uint16_t code;
  };
  std::string long_form = frame(WsOpcode::binary, std::string(200, 'x'));
  long_form[3] = 5;  // 5 bytes told in the two-byte form
  const Case cases[] = {
      {"unmasked", frame(WsOpcode::binary, "x", false), 1002},
      {"text", frame(WsOpcode::text, "x"), 1003},
      {"reserved bit", std::string("\xc2\x80\0\0\0\0", 6), 1002},
      {"unknown opcode", std::string("\x83\x80\0\0\0\0", 6), 1002},
      {"unknown control opcode", std::string("\x8b\x80\0\0\0\0", 6), 1002},
      {"fragmented ping", not_final(frame(WsOpcode::ping, "x")), 1002},
      {"long ping", frame(WsOpcode::ping, std::string(126, 'x')), 1002},
      {"continuation of nothing", frame(WsOpcode::continuation, "x"), 1002},
      {"message in a message",
       not_final(frame(WsOpcode::binary, "x")) + frame(WsOpcode::binary, "y"), 1002},
      {"not the shortest length", long_form, 1002},
      {"too big", frame(WsOpcode::binary, std::string(1001, 'x')), 1009},
      {"too big in fragments",
       not_final(frame(WsOpcode::binary, std::string(600, 'x'))) +
           frame(WsOpcode::continuation, std::string(600, 'x')),
       1009},
      {"length with the top bit", std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10),
       0},  // the mask is still missing
      {"length with the top bit and mask",
       std::string("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\1\1\1", 14), 1009},
      {"close of one byte", frame(WsOpcode::close, "x"), 1002},
      {"close code 1005", frame(WsOpcode::close, "\x03\xed"), 1002},
      {"close code 999", frame(WsOpcode::close, "\x03\xe7"), 1002},
      {"close reason not UTF-8", frame(WsOpcode::close, "\x03\xe8\xff"), 1007},
  };
  for (const auto& c : cases) {
    WsFrameReader reader(true, 1000);
    auto seen = read_all(reader, c.bytes + frame(WsOpcode::binary, "never"), 1 << 20);
    if (c.code == 0) {
      continue;
    }
    ASSERT_EQ(seen.size(), 1u) << c.name;
    EXPECT_EQ(seen[0].event, Event::violation) << c.name;
    EXPECT_EQ(seen[0].code, c.code) << c.name;
  }
  WsFrameReader client(false, 1000);
  auto seen = read_all(client, frame(WsOpcode::binary, "x"), 100);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].code, 1002);
}

TEST(WsFrame, Close_frames_tell_code_and_reason) {
  WsFrameReader reader(true, 1000);
  EXPECT_EQ(read_all(reader, frame(WsOpcode::close, ws_close_payload(1001, "bye")), 1),
            (std::vector<Seen>{{Event::close, "bye", 1001}}));
  WsFrameReader empty(true, 1000);
  EXPECT_EQ(read_all(empty, frame(WsOpcode::close, ""), 1),
            (std::vector<Seen>{{Event::close, "", 1005}}));
}

TEST(WsFrame, A_long_close_reason_is_cut_between_characters) {
  std::string reason(122, 'x');
  reason += "\xc3\xa9\xc3\xa9";
  std::string payload = ws_close_payload(1000, reason);
  EXPECT_EQ(payload.size(), 124u);
  WsFrameReader reader(true, 1000);
  auto seen = read_all(reader, frame(WsOpcode::close, payload), 1000);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].payload, std::string(122, 'x'));
}

}  // namespace
}  // namespace reachback::net
