// WebSocket frames (RFC 6455 §5), both directions. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace reachback::net {

enum class WsOpcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

// Appends one final frame. mask: the four bytes a client masks with; a server sends none.
void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload,
                     std::optional<std::uint32_t> mask);
// The payload of a close frame; the reason is cut to what a control frame holds.
std::string ws_close_payload(std::uint16_t code, std::string_view reason);

// Reads the frames of one connection and joins fragments. Holds no memory between messages.
class WsFrameReader {
 public:
  enum class Event {
    need_more,  // all of the input is used up
    message,    // payload(): one whole binary message
    ping,       // payload(): to be sent back
    pong,
    close,      // close_code() (1005: none was given) and payload(), the reason
    violation,  // close_code() and payload(): what to close with and why; reading is over
  };

  // from_client: frames must be masked; otherwise they must not be.
  WsFrameReader(bool from_client, std::size_t message_bytes_max)
      : message_bytes_max_(message_bytes_max), from_client_(from_client) {}

  // Takes bytes off the front of `input` up to the next event.
  Event next(std::string_view& input);
  // Of the last event; moves out of the reader.
  std::string take_payload() { return std::exchange(event_payload_, {}); }
  std::uint16_t close_code() const { return close_code_; }

 private:
  bool take_header(std::string_view& input);  // false: more bytes are needed
  Event check_header();
  Event finish_frame();
  Event violation(std::uint16_t code, std::string_view why);

  std::size_t message_bytes_max_;
  std::uint64_t frame_left_ = 0;
  std::uint64_t frame_taken_ = 0;
  std::string message_;  // Of the binary message under way.
  std::string control_;  // Of the control frame under way.
  std::string event_payload_;
  char header_[14] = {};
  std::uint8_t header_bytes_ = 0;
  std::uint8_t mask_[4] = {};
  std::uint16_t close_code_ = 0;
  bool from_client_;
  bool in_frame_ = false;
  bool in_message_ = false;
  bool over_ = false;
};

}  // namespace reachback::net
