#include "net/ws_frame.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace reachback::net {
namespace {

constexpr std::size_t kControlBytesMax = 125;

// XORs with the mask, whose byte `phase` (mod 4) comes first.
void apply_mask(char* data, std::size_t size, const std::uint8_t mask[4], std::uint64_t phase) {
  std::uint8_t turned[8];
  for (std::size_t i = 0; i < 8; ++i) {
    turned[i] = mask[(phase + i) & 3];
  }
  std::uint64_t word_mask = 0;
  std::memcpy(&word_mask, turned, sizeof word_mask);
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + i, sizeof word);
    word ^= word_mask;
    std::memcpy(data + i, &word, sizeof word);
  }
  for (; i < size; ++i) {
    data[i] = static_cast<char>(static_cast<std::uint8_t>(data[i]) ^ turned[i & 7]);
  }
}

// RFC 6455 §7.4: the codes that may stand in a close frame.
bool is_close_code(std::uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

void append_ws_frame(std::string& out, WsOpcode opcode, std::string_view payload,
                     std::optional<std::uint32_t> mask) {
  out += static_cast<char>(0x80 | static_cast<int>(opcode));
  int mask_bit = mask ? 0x80 : 0;
  std::uint64_t size = payload.size();
  if (size < 126) {
    out += static_cast<char>(mask_bit | static_cast<int>(size));
  } else {
    int bytes = size <= 0xffff ? 2 : 8;
    out += static_cast<char>(mask_bit | (bytes == 2 ? 126 : 127));
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
      out += static_cast<char>(size >> shift);
    }
  }
  if (!mask) {
    out.append(payload);
    return;
  }
  std::uint8_t key[4];
  std::memcpy(key, &*mask, sizeof key);
  out.append(reinterpret_cast<const char*>(key), sizeof key);
  std::size_t start = out.size();
  out.append(payload);
  apply_mask(out.data() + start, payload.size(), key, 0);
}

std::string ws_close_payload(std::uint16_t code, std::string_view reason) {
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xff);
  reason = reason.substr(0, kControlBytesMax - 2);
  while (!is_valid_utf8(reason)) {
    reason.remove_suffix(1);  // The cut may have gone through a character.
  }
  payload += reason;
  return payload;
}

WsFrameReader::Event WsFrameReader::violation(std::uint16_t code, std::string_view why) {
  over_ = true;
  close_code_ = code;
  event_payload_ = why;
  message_ = std::string();
  control_ = std::string();
  return Event::violation;
}

bool WsFrameReader::take_header(std::string_view& input) {
  std::size_t wanted = 2;
  while (true) {
    if (header_bytes_ >= 2) {
      int short_length = header_[1] & 0x7f;
      wanted = 2 +
               (short_length == 126   ? 2
                : short_length == 127 ? 8
                                      : 0) +
               ((header_[1] & 0x80) != 0 ? 4 : 0);
      if (header_bytes_ == wanted) {
        return true;
      }
    }
    std::size_t taken = std::min(wanted - header_bytes_, input.size());
    if (taken == 0) {
      return false;
    }
    std::memcpy(header_ + header_bytes_, input.data(), taken);
    header_bytes_ = static_cast<std::uint8_t>(header_bytes_ + taken);
    input.remove_prefix(taken);
  }
}

// need_more: the header is in order and its payload follows.
WsFrameReader::Event WsFrameReader::check_header() {
  int first = static_cast<unsigned char>(header_[0]);
  bool final = (first & 0x80) != 0;
  bool masked = (header_[1] & 0x80) != 0;
  auto opcode = static_cast<WsOpcode>(first & 0x0f);
  if ((first & 0x70) != 0) {
    return violation(1002, "reserved bit set");
  }
  if (masked != from_client_) {
    return violation(1002, masked ? "masked frame from the server" : "unmasked frame");
  }
  std::uint64_t length = header_[1] & 0x7f;
  if (length >= 126) {
    std::size_t bytes = length == 126 ? 2 : 8;
    std::uint64_t smallest = length == 126 ? 126 : 0x10000;
    length = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      length = length << 8 | static_cast<unsigned char>(header_[2 + i]);
    }
    if (length < smallest) {
      return violation(1002, "length not in its shortest form");
    }
  }
  switch (opcode) {
    case WsOpcode::close:
    case WsOpcode::ping:
    case WsOpcode::pong:
      if (!final || length > kControlBytesMax) {
        return violation(1002, "control frame fragmented or too long");
      }
      break;
    case WsOpcode::continuation:
      if (!in_message_) {
        return violation(1002, "continuation of nothing");
      }
      break;
    case WsOpcode::text:
      return violation(1003, "text is not taken");
    case WsOpcode::binary:
      if (in_message_) {
        return violation(1002, "new message inside a message");
      }
      break;
    default:
      return violation(1002, "unknown opcode");
  }
  bool control = static_cast<int>(opcode) >= 8;
  if (!control && length > message_bytes_max_ - message_.size()) {
    return violation(1009, "message too big");
  }
  if (masked) {
    std::memcpy(mask_, header_ + header_bytes_ - 4, 4);
  }
  frame_left_ = length;
  frame_taken_ = 0;
  in_frame_ = true;
  in_message_ |= !control;
  return Event::need_more;
}

WsFrameReader::Event WsFrameReader::finish_frame() {
  bool final = (header_[0] & 0x80) != 0;
  auto opcode = static_cast<WsOpcode>(header_[0] & 0x0f);
  in_frame_ = false;
  header_bytes_ = 0;
  switch (opcode) {
    case WsOpcode::ping:
      event_payload_ = std::move(control_);
      control_ = std::string();
      return Event::ping;
    case WsOpcode::pong:
      event_payload_ = std::move(control_);
      control_ = std::string();
      return Event::pong;
    case WsOpcode::close: {
      std::string payload = std::move(control_);
      control_ = std::string();
      close_code_ = 1005;
      if (payload.size() == 1) {
        return violation(1002, "close frame of one byte");
      }
      if (payload.size() >= 2) {
        close_code_ = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                                 static_cast<unsigned char>(payload[1]));
        if (!is_close_code(close_code_)) {
          return violation(1002, "close code out of range");
        }
        payload.erase(0, 2);
        if (!is_valid_utf8(payload)) {
          return violation(1007, "close reason is not UTF-8");
        }
      }
      over_ = true;
      event_payload_ = std::move(payload);
      return Event::close;
    }
    case WsOpcode::continuation:
    case WsOpcode::text:
    case WsOpcode::binary:
      break;
  }
  if (!final) {
    return Event::need_more;
  }
  in_message_ = false;
  event_payload_ = std::move(message_);
  message_ = std::string();
  return Event::message;
}

WsFrameReader::Event WsFrameReader::next(std::string_view& input) {
  while (!over_) {
    if (!in_frame_) {
      if (!take_header(input)) {
        return Event::need_more;
      }
      if (Event event = check_header(); event == Event::violation) {
        return event;
      }
    }
    std::string& target = (header_[0] & 0x08) != 0 ? control_ : message_;
    auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(frame_left_, input.size()));
    std::size_t start = target.size();
    target.append(input.substr(0, taken));
    if (from_client_) {
      apply_mask(target.data() + start, taken, mask_, frame_taken_);
    }
    input.remove_prefix(taken);
    frame_taken_ += taken;
    frame_left_ -= taken;
    if (frame_left_ > 0) {
      return Event::need_more;
    }
    if (Event event = finish_frame(); event != Event::need_more) {
      return event;
    }
  }
  input = {};
  return Event::need_more;
}

}  // namespace reachback::net
