// The opening handshake (RFC 6455 §4). Pure, but for the nonce.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/message.h"

namespace reachback::net {

std::string make_web_socket_key();  // 16 random bytes in base64
// Sec-WebSocket-Accept for a key.
std::string web_socket_accept(std::string_view key);
// The key of a request that is a handshake. Errors: invalid_input, says what is missing.
Result<std::string> web_socket_request_key(const Request& request);
// Errors: protocol, when a 101 does not answer `key`.
Result<void> check_web_socket_answer(const Headers& headers, std::string_view key);

}  // namespace reachback::net
