// The opening handshake of a WebSocket, both sides, behind the parser of heads. A request that is
// taken is one of RFC 6455, judged once more from its fields; an answer is taken for one key only.
// Input: which side, then a head.
#include "net/ws_handshake.h"

#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "net/http_head.h"

namespace reachback::fuzz {
namespace {

using namespace net;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 §1.3
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

// All values of a field, lower case, without blanks, between commas.
std::string listed(const Headers& headers, std::string_view name) {
  std::string out = ",";
  for (const auto& [key, value] : headers.all()) {
    if (to_lower(key) == to_lower(name)) {
      std::string text = to_lower(value);
      std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
      out += text + ",";
    }
  }
  return out;
}

bool asks_for_one(const Headers& headers) {
  return listed(headers, "Connection").find(",upgrade,") != std::string::npos &&
         listed(headers, "Upgrade").find(",websocket,") != std::string::npos;
}

// The head at the front of the bytes; "": there is no whole one.
std::string_view head_of(std::string_view bytes) {
  HeadScanner scanner;
  return scanner.scan(bytes, {}) == HeadScanner::State::complete
             ? bytes.substr(0, scanner.head_bytes())
             : std::string_view();
}

void check_request(std::string_view bytes) {
  const std::string_view head = head_of(bytes);
  RequestHead out;
  if (head.empty() || parse_request_head(head, {}, out)) {
    return;
  }
  auto key = web_socket_request_key(out.request);
  if (!key) {
    FUZZ_CHECK(key.error().code == Errc::invalid_input && key.error().message.size() < 200);
    return;
  }
  FUZZ_CHECK(out.request.method == "GET" && !out.request.has_body);
  FUZZ_CHECK(asks_for_one(out.request.headers));
  FUZZ_CHECK(listed(out.request.headers, "Sec-WebSocket-Version") == ",13,");
  FUZZ_CHECK(listed(out.request.headers, "Sec-WebSocket-Key") == "," + to_lower(*key) + ",");
  FUZZ_CHECK(key->size() == 24 && key->ends_with("=="));
  const std::string accept = web_socket_accept(*key);
  FUZZ_CHECK(accept.size() == 28 && (*key == kKey) == (accept == kAccept));
  Headers answer;
  answer.add("Connection", "Upgrade");
  answer.add("Upgrade", "websocket");
  answer.add("Sec-WebSocket-Accept", accept);
  FUZZ_CHECK(check_web_socket_answer(answer, *key));
  FUZZ_CHECK(!check_web_socket_answer(answer, make_web_socket_key()));
}

void check_answer(std::string_view bytes) {
  const std::string_view head = head_of(bytes);
  ResponseHead out;
  if (head.empty() || parse_response_head(head, {}, out)) {
    return;
  }
  auto taken = check_web_socket_answer(out.headers, kKey);
  if (!taken) {
    FUZZ_CHECK(taken.error().code == Errc::protocol);
    return;
  }
  FUZZ_CHECK(asks_for_one(out.headers));
  FUZZ_CHECK(out.headers.get("Sec-WebSocket-Accept") == kAccept);
  FUZZ_CHECK(listed(out.headers, "Sec-WebSocket-Extensions") == ",");
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  if (in.choice(2) == 0) {
    check_request(in.rest());
  } else {
    check_answer(in.rest());
  }
}

}  // namespace reachback::fuzz
