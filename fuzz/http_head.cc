// Heads of requests and answers. Pieces read as the whole does; what is accepted has one reading:
// written again it is the same, and Boost.Beast's parser, the witness, reads the same from it.
#include "net/http_head.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/bytes.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

namespace http = boost::beast::http;
using namespace net;

constexpr HeadLimits kLimits{
    .head_bytes_max = 2048, .request_line_bytes_max = 512, .fields_max = 20};

HeadScanner::State scan(HeadScanner& scanner, std::string_view bytes, std::uint8_t seed) {
  Cuts cuts(bytes, seed);
  std::size_t size = 0;
  auto state = HeadScanner::State::need_more;
  while (!cuts.done() && state == HeadScanner::State::need_more) {
    size += cuts.next().size();
    state = scanner.scan(bytes.substr(0, size), kLimits);
  }
  return state;
}

std::string fields_text(const Headers& headers) {
  std::string out;
  for (const auto& [name, value] : headers.all()) {
    out += name + ": " + value + "\r\n";
  }
  return out + "\r\n";
}

// Beast gives the fields of one name together, where the first of them stands.
std::vector<std::pair<std::string, std::string>> grouped(const Headers& headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& field : headers.all()) {
    auto same = std::find_if(out.rbegin(), out.rend(), [&field](const auto& earlier) {
      return equals_ignore_case(earlier.first, field.first);
    });
    out.insert(same == out.rend() ? out.end() : same.base(), field);
  }
  return out;
}

template <typename Witness, typename Head>
bool witness_agrees(Witness& witness, std::string_view bytes, const Headers& headers,
                    const Head& head, std::optional<std::uint64_t> length) {
  witness.body_limit(boost::none);
  boost::system::error_code error;
  witness.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  // Beast wants every element of Connection to be a token; we look for ours only.
  if (error == http::error::bad_value &&
      headers.count("Connection") + headers.count("Proxy-Connection") > 0) {
    return false;
  }
  FUZZ_CHECK(!error || error == http::error::need_more);
  FUZZ_CHECK(witness.is_header_done());
  FUZZ_CHECK(witness.chunked() == head.chunked);
  FUZZ_CHECK(witness.content_length().value_or(0) == length.value_or(0));
  const auto expected = grouped(headers);
  std::size_t at = 0;
  for (const auto& field : witness.get()) {
    FUZZ_CHECK(at < expected.size());
    FUZZ_CHECK(std::string_view(field.name_string()) == expected[at].first);
    FUZZ_CHECK(std::string_view(field.value()) == expected[at].second);
    ++at;
  }
  FUZZ_CHECK(at == expected.size());
  return true;
}

void check_request(std::string_view bytes) {
  RequestHead head;
  if (auto fault = parse_request_head(bytes, kLimits, head)) {
    FUZZ_CHECK(fault->status >= 400 && fault->status < 600 && !fault->message.empty());
    return;
  }
  const Request& r = head.request;
  FUZZ_CHECK(is_token(r.method));
  FUZZ_CHECK(r.target.starts_with('/') || r.target == "*" || r.method == "CONNECT");
  for (char c : r.target) {
    FUZZ_CHECK(c > 0x20 && c < 0x7f && c != '#');
  }
  FUZZ_CHECK(r.headers.count("Host") == 1);
  FUZZ_CHECK(r.headers.all().size() <= kLimits.fields_max);
  FUZZ_CHECK(!head.chunked || (!r.content_length && r.headers.count("Content-Length") == 0));
  FUZZ_CHECK(r.has_body == (head.chunked || r.content_length.value_or(0) > 0));
  FUZZ_CHECK(std::string(r.path()) + (r.target.find('?') == std::string::npos ? "" : "?") +
                 std::string(r.query()) ==
             r.target);

  http::request_parser<http::empty_body> witness;
  if (witness_agrees(witness, bytes, r.headers, head, r.content_length)) {
    FUZZ_CHECK(std::string_view(witness.get().method_string()) == r.method);
    if (!r.headers.get("Proxy-Connection")) {
      FUZZ_CHECK(!head.keep_alive || witness.keep_alive());
    }
  }

  std::string_view line = bytes.substr(0, bytes.find('\r'));
  std::string again = r.method + " " + r.target + std::string(line.substr(line.rfind(' '))) +
                      "\r\n" + fields_text(r.headers);
  RequestHead second;
  FUZZ_CHECK(!parse_request_head(again, kLimits, second));
  FUZZ_CHECK(second.request.target == r.target);
  FUZZ_CHECK(second.request.headers.all() == r.headers.all());
  FUZZ_CHECK(second.chunked == head.chunked && second.keep_alive == head.keep_alive);
  FUZZ_CHECK(second.expects_continue == head.expects_continue);
  FUZZ_CHECK(second.request.content_length == r.content_length);
}

void check_response(std::string_view bytes) {
  ResponseHead head;
  if (auto fault = parse_response_head(bytes, kLimits, head)) {
    FUZZ_CHECK(!fault->message.empty());
    return;
  }
  FUZZ_CHECK(head.status >= 100 && head.status <= 599);
  FUZZ_CHECK(!head.chunked || !head.content_length);
  http::response_parser<http::empty_body> witness;
  // Beast knows no minor version above 1, and wants the blank behind the status even where no
  // reason follows.
  if (bytes[7] <= '1' && bytes[12] == ' ' &&
      witness_agrees(witness, bytes, head.headers, head, head.content_length)) {
    FUZZ_CHECK(witness.get().result_int() == static_cast<unsigned>(head.status));
  }
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  bool request = in.choice(2) == 0;
  std::uint8_t seed = in.byte();
  std::string_view bytes = in.rest();
  HeadScanner whole, pieces;
  auto state = scan(whole, bytes, 0);
  FUZZ_CHECK(scan(pieces, bytes, seed) == state);
  if (state == HeadScanner::State::bad) {
    FUZZ_CHECK(whole.fault().status == pieces.fault().status);
    FUZZ_CHECK(whole.fault().message == pieces.fault().message);
  }
  if (state != HeadScanner::State::complete) {
    FUZZ_CHECK(bytes.size() <= kLimits.head_bytes_max || state == HeadScanner::State::bad);
    return;
  }
  FUZZ_CHECK(whole.head_bytes() == pieces.head_bytes());
  std::string_view head = bytes.substr(0, whole.head_bytes());
  FUZZ_CHECK(head.ends_with("\r\n\r\n"));
  FUZZ_CHECK(head.find("\r\n\r\n") == head.size() - 4);
  request ? check_request(head) : check_response(head);
}

}  // namespace reachback::fuzz
