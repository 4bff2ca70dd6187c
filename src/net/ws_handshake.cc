#include "net/ws_handshake.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/bytes.h"
#include "net/http_head.h"

namespace reachback::net {
namespace {

bool any_lists(const Headers& headers, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : headers.all()) {
    if (equals_ignore_case(key, name) && list_has(value, token)) {
      return true;
    }
  }
  return false;
}

Error not_a_handshake(const char* why) {
  return Error{Errc::invalid_input, std::string("not a WebSocket handshake: ") + why};
}

}  // namespace

std::string make_web_socket_key() {
  std::uint8_t nonce[16] = {};
  RAND_bytes(nonce, sizeof nonce);  // A nonce against caches, not a secret.
  return to_base64(as_bytes(nonce, sizeof nonce));
}

std::string web_socket_accept(std::string_view key) {
  std::string input(key);
  input += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(input.data(), input.size(), digest, &size, EVP_sha1(), nullptr) != 1) {
    return {};
  }
  return to_base64(as_bytes(digest, size));
}

Result<std::string> web_socket_request_key(const Request& request) {
  const Headers& headers = request.headers;
  if (request.method != "GET" || request.has_body) {
    return not_a_handshake("not a GET without a body");
  }
  if (!any_lists(headers, "Connection", "upgrade") || !any_lists(headers, "Upgrade", "websocket")) {
    return not_a_handshake("Connection and Upgrade do not ask for one");
  }
  if (headers.count("Sec-WebSocket-Version") != 1 ||
      *headers.get("Sec-WebSocket-Version") != "13") {
    return not_a_handshake("version other than 13");
  }
  if (headers.count("Sec-WebSocket-Key") != 1) {
    return not_a_handshake("Sec-WebSocket-Key missing or repeated");
  }
  std::string key(*headers.get("Sec-WebSocket-Key"));
  auto nonce = from_base64(key);
  if (!nonce || nonce->size() != 16) {
    return not_a_handshake("malformed Sec-WebSocket-Key");
  }
  return key;
}

Result<void> check_web_socket_answer(const Headers& headers, std::string_view key) {
  if (!any_lists(headers, "Connection", "upgrade") || !any_lists(headers, "Upgrade", "websocket") ||
      headers.count("Sec-WebSocket-Accept") != 1 ||
      *headers.get("Sec-WebSocket-Accept") != web_socket_accept(key)) {
    return Error{Errc::protocol, "the answer to the WebSocket handshake does not match"};
  }
  if (headers.count("Sec-WebSocket-Extensions") != 0) {
    return Error{Errc::protocol, "the server chose a WebSocket extension unasked"};
  }
  return {};
}

}  // namespace reachback::net
