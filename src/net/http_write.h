// The heads of the messages we send. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/message.h"

namespace reachback::net {

std::string_view reason_phrase(int status);

struct ResponseFraming {
  std::uint64_t body_bytes = 0;
  bool tell_length = true;
  bool chunked = false;  // instead of a length
  bool close = false;
};
// Appends status line and fields with the empty line. Fields that are the connection's business and
// fields whose name is no token are left out; control characters in values become spaces.
void append_response_head(std::string& out, const Response& response,
                          const ResponseFraming& framing, std::string_view date);

// Appends request line, Host and fields with the empty line. content_length: nullopt leaves it out.
void append_request_head(std::string& out, std::string_view method, std::string_view target,
                         std::string_view host, const Headers& headers,
                         std::optional<std::uint64_t> content_length);

// Appends "name: value", sanitized as above.
void append_field(std::string& out, std::string_view name, std::string_view value);

}  // namespace reachback::net
