// WebSocket frames. Pieces give the events of the whole; no payload is over its bound; what was
// read, written as a frame again, is read the same; after a violation or a close there is nothing.
#include "net/ws_frame.h"

#include <vector>

#include "base/bytes.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

using namespace net;
using Event = WsFrameReader::Event;

constexpr std::size_t kMessageBytesMax = 1000;

struct Seen {
  Event event;
  std::string payload;
  std::uint16_t code = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> read(std::string_view bytes, bool from_client, std::uint8_t seed,
                       std::size_t message_bytes_max) {
  std::vector<Seen> out;
  WsFrameReader reader(from_client, message_bytes_max);
  bool over = false;
  for (Cuts cuts(bytes, seed); !cuts.done();) {
    std::string_view piece = cuts.next();
    while (true) {
      Event event = reader.next(piece);
      if (event == Event::need_more) {
        FUZZ_CHECK(piece.empty());
        break;
      }
      FUZZ_CHECK(!over);
      over = event == Event::close || event == Event::violation;
      out.push_back({event, reader.take_payload(), over ? reader.close_code() : std::uint16_t{0}});
    }
  }
  return out;
}

void check(const Seen& seen, bool from_client) {
  auto mask = from_client ? std::optional<std::uint32_t>(0x12345678) : std::nullopt;
  std::string frame, payload = seen.payload;
  WsOpcode opcode = WsOpcode::binary;
  switch (seen.event) {
    case Event::message:
      FUZZ_CHECK(payload.size() <= kMessageBytesMax);
      break;
    case Event::ping:
    case Event::pong:
      FUZZ_CHECK(payload.size() <= 125);
      opcode = seen.event == Event::ping ? WsOpcode::ping : WsOpcode::pong;
      break;
    case Event::close:
      FUZZ_CHECK(payload.size() <= 123 && is_valid_utf8(payload));
      FUZZ_CHECK(seen.code >= 1000 && seen.code < 5000);
      opcode = WsOpcode::close;
      payload = seen.code == 1005 ? std::string() : ws_close_payload(seen.code, payload);
      break;
    case Event::violation:
      FUZZ_CHECK(seen.code == 1002 || seen.code == 1003 || seen.code == 1007 || seen.code == 1009);
      FUZZ_CHECK(!payload.empty());
      return;
    case Event::need_more:
      FUZZ_CHECK(false);
  }
  append_ws_frame(frame, opcode, payload, mask);
  FUZZ_CHECK(read(frame, from_client, 0, kMessageBytesMax) == std::vector<Seen>{seen});
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  bool from_client = in.choice(2) == 0;
  std::uint8_t seed = in.byte();
  auto whole = read(in.rest(), from_client, 0, kMessageBytesMax);
  FUZZ_CHECK(read(in.rest(), from_client, seed, kMessageBytesMax) == whole);
  for (const Seen& seen : whole) {
    check(seen, from_client);
  }
  // Any bytes as a payload, long ones with the wide length.
  std::string payload(in.rest()), frame;
  if (seed == 255) {
    payload.resize(0x10000 + payload.size(), 'x');
  }
  auto mask = from_client ? std::optional<std::uint32_t>(seed * 0x01020304u) : std::nullopt;
  append_ws_frame(frame, WsOpcode::binary, payload, mask);
  FUZZ_CHECK(read(frame, from_client, seed, 1 << 20) ==
             (std::vector<Seen>{{Event::message, payload, 0}}));
  std::string reason = ws_close_payload(1000, payload);
  FUZZ_CHECK(reason.size() <= 125 && is_valid_utf8(reason.substr(2)));
}

}  // namespace reachback::fuzz
