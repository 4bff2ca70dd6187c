// The heads of HTTP/1.1 messages, byte by byte and strict: what this parser accepts has one reading
// only (RFC 9112 §11.2). Pure functions of their input.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "net/message.h"

namespace reachback::net {

struct HeadLimits {
  std::size_t head_bytes_max = 16 << 10;
  std::size_t request_line_bytes_max = 8 << 10;
  std::size_t fields_max = 100;
};

// Why a head is refused: the status that answers it (400 stands for any fault of a response) and
// words for a person.
struct HeadFault {
  int status = 400;
  std::string_view message;
};

// Finds the end of a head that arrives in pieces; each byte is looked at once.
class HeadScanner {
 public:
  enum class State { need_more, complete, bad };
  // `input` starts at the head and only grows between calls.
  State scan(std::string_view input, const HeadLimits& limits);
  std::size_t head_bytes() const { return at_; }  // complete: with the empty line
  const HeadFault& fault() const { return fault_; }
  void reset() { *this = HeadScanner(); }

 private:
  State refuse(int status, std::string_view message) {
    fault_ = {status, message};
    return State::bad;
  }

  std::size_t at_ = 0;          // Scanned so far.
  std::size_t line_start_ = 0;  // Of the line that `at_` is in.
  bool first_line_ended_ = false;
  HeadFault fault_;
};

struct RequestHead {
  Request request;  // peer_ip is left empty
  bool chunked = false;
  bool keep_alive = true;
  bool is_http_1_0 = false;
  bool expects_continue = false;
};
// `head`: what the scanner found complete.
std::optional<HeadFault> parse_request_head(std::string_view head, const HeadLimits& limits,
                                            RequestHead& out);

struct ResponseHead {
  int status = 0;
  Headers headers;
  bool chunked = false;
  bool keep_alive = true;
  std::optional<std::uint64_t> content_length;
};
std::optional<HeadFault> parse_response_head(std::string_view head, const HeadLimits& limits,
                                             ResponseHead& out);

// RFC 9110 §5.6.2.
bool is_token(std::string_view text);
// Whether the comma-separated `list` has `token`, without regard to case.
bool list_has(std::string_view list, std::string_view token);

}  // namespace reachback::net
