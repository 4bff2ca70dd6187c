#include "net/http_head.h"

#include <gtest/gtest.h>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <random>

#include "net/http_write.h"

namespace reachback::net {
namespace {

// Status of the refusal, 0 for a good head, -1 for an unfinished one.
int judge(std::string_view bytes, RequestHead& head, std::size_t piece = 1 << 20) {
  HeadLimits limits;
  HeadScanner scanner;
  for (std::size_t size = std::min(piece, bytes.size());;
       size = std::min(size + piece, bytes.size())) {
    switch (scanner.scan(bytes.substr(0, size), limits)) {
      case HeadScanner::State::bad:
        return scanner.fault().status;
      case HeadScanner::State::complete: {
        auto fault = parse_request_head(bytes.substr(0, scanner.head_bytes()), limits, head);
        return fault ? fault->status : 0;
      }
      case HeadScanner::State::need_more:
        break;
    }
    if (size == bytes.size()) {
      return -1;
    }
  }
}
int judge(std::string_view bytes, std::size_t piece = 1 << 20) {
  RequestHead head;
  return judge(bytes, head, piece);
}

TEST(HttpHead, A_plain_request_is_read_field_by_field) {
  RequestHead head;
  ASSERT_EQ(judge("POST /a/b?c=%20d HTTP/1.1\r\nHost: h.example:8443\r\nContent-Length: 12\r\n"
                  "X-Padded: \t v w \t\r\nX-Empty:\r\nAccept-Encoding: None\r\nConnection: None\r\n"
                  "Expect: 100-Continue\r\n\r\n",
                  head),
            0);
  EXPECT_EQ(head.request.method, "POST");
  EXPECT_EQ(head.request.target, "/a/b?c=%20d");
  EXPECT_EQ(head.request.path(), "/a/b");
  EXPECT_EQ(head.request.query(), "c=%20d");
  EXPECT_EQ(head.request.headers.get("x-padded"), "v w");
  EXPECT_EQ(head.request.headers.get("x-empty"), "");
  EXPECT_EQ(head.request.content_length, 12u);
  EXPECT_TRUE(head.request.has_body);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_FALSE(head.chunked);
}

TEST(HttpHead, The_target_forms_are_reduced_to_path_and_query) {
  struct Case {
    const char* line;
    const char* target;
  };
  for (auto [line, target] :
       std::initializer_list<Case>{{"GET http://elsewhere.example:80/x?y HTTP/1.1", "/x?y"},
                                   {"GET HTTPS://elsewhere.example HTTP/1.1", "/"},
                                   {"GET http://elsewhere.example?q HTTP/1.1", "/?q"},
                                   {"OPTIONS * HTTP/1.1", "*"},
                                   {"CONNECT h:443 HTTP/1.1", "h:443"},
                                   {"FOO //a//b;c HTTP/1.1", "//a//b;c"},
                                   {"TRACE /%zz HTTP/1.1", "/%zz"}}) {
    RequestHead head;
    EXPECT_EQ(judge(std::string(line) + "\r\nHost: h\r\n\r\n", head), 0) << line;
    EXPECT_EQ(head.request.target, target) << line;
  }
}

TEST(HttpHead, Refusals_have_their_status) {
  const std::string get = "GET / HTTP/1.1\r\n";
  const std::string host = "Host: h\r\n";
  struct Case {
    std::string bytes;
    int status;
  };
  std::string many;
  for (int i = 0; i < 101; ++i) {
    many += "a: b\r\n";
  }
  const Case cases[] = {
      {"GET / HTTP/1.1\nHost: h\n\n", 400},
      {get + "Host: h\n\r\n", 400},
      {get + "Host: h\r\r\n\r\n", 400},
      {get + host + "a: b\rc\r\n\r\n", 400},
      {get + host + "a: b\r\n c\r\n\r\n", 400},
      {get + " a: b\r\n" + host + "\r\n", 400},
      {get + host + "a : b\r\n\r\n", 400},
      {get + host + ": b\r\n\r\n", 400},
      {get + host + "a b: c\r\n\r\n", 400},
      {get + host + "no colon\r\n\r\n", 400},
      {get + host + std::string("a: b\0c\r\n\r\n", 10), 400},
      {get + host + "a: b\x01\r\n\r\n", 400},
      {get + host + "a: b\x7f\r\n\r\n", 400},
      {get + "\r\n", 400},
      {get + host + host + "\r\n", 400},
      {get + "Host:\r\n\r\n", 400},
      {get + "Host: a b\r\n\r\n", 400},
      {get + "Host: a/b\r\n\r\n", 400},
      {get + "Host: a@b\r\n\r\n", 400},
      {get + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {get + host + "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n", 400},
      {get + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {get + host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {get + host + "Content-Length: 5, 5\r\n\r\n", 400},
      {get + host + "Content-Length: +5\r\n\r\n", 400},
      {get + host + "Content-Length: -5\r\n\r\n", 400},
      {get + host + "Content-Length: 0x5\r\n\r\n", 400},
      {get + host + "Content-Length: 5 5\r\n\r\n", 400},
      {get + host + "Content-Length:\r\n\r\n", 400},
      {get + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {get + host + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {get + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {get + host + "Transfer-Encoding: identity\r\n\r\n", 501},
      {get + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {get + host + "Transfer-Encoding : chunked\r\n\r\n", 400},
      {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505},
      {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET / http/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/1.11\r\nHost: h\r\n\r\n", 400},
      {"GET /\r\nHost: h\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET / a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /#f HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET http://a@b/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {std::string(9000, 'a'), 414},
      {get + host + "a: " + std::string(17000, 'b') + "\r\n\r\n", 431},
      {get + host + many + "\r\n", 431},
      {"\x16\x03\x01\x02", 400},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(judge(c.bytes), c.status) << c.bytes.substr(0, 80);
    EXPECT_EQ(judge(c.bytes, 1), c.status) << "byte by byte: " << c.bytes.substr(0, 80);
  }
}

TEST(HttpHead, The_limits_themselves_are_allowed) {
  std::string many;
  for (int i = 0; i < 99; ++i) {
    many += "a: b\r\n";
  }
  EXPECT_EQ(judge("GET / HTTP/1.1\r\nHost: h\r\n" + many + "\r\n"), 0);
  EXPECT_EQ(judge("GET /" + std::string(8000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
}

// Beast's parser is the witness: whatever we take, it takes, and reads the same framing from it.
TEST(HttpHead, What_is_accepted_reads_the_same_to_another_parser) {
  namespace http = boost::beast::http;
  const std::string pieces[] = {"GET",
                                "POST",
                                " ",
                                "/",
                                "?a=b",
                                "HTTP/1.1",
                                "HTTP/1.0",
                                "\r\n",
                                "\r\n",
                                "\n",
                                "\r",
                                "Host: h",
                                "Host: h",
                                "Host",
                                ":",
                                ": ",
                                " :",
                                "Content-Length: 5",
                                "Content-Length",
                                "5",
                                "chunked",
                                "Transfer-Encoding: chunked",
                                "Transfer-Encoding",
                                "Connection: close",
                                "Connection: None",
                                "\t",
                                "x",
                                "X-A: b",
                                ",",
                                "GET / HTTP/1.1\r\nHost: h\r\n",
                                "POST /x HTTP/1.1\r\nHost: h\r\n",
                                "\r\n\r\n",
                                "keep-alive",
                                "Connection: keep-alive, x"};
  std::mt19937 random(20261123);
  int accepted = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string bytes;
    if (round % 2 == 0) {
      bytes = "POST / HTTP/1.1\r\nHost: h\r\n";
    }
    for (unsigned i = random() % 8; i > 0; --i) {
      bytes += pieces[random() % std::size(pieces)];
    }
    bytes += "\r\n\r\n";
    RequestHead head;
    if (judge(bytes, head) != 0) {
      continue;
    }
    ++accepted;
    http::request_parser<http::empty_body> witness;
    boost::system::error_code error;
    auto size = bytes.find("\r\n\r\n") + 4;
    witness.put(boost::asio::buffer(bytes.data(), size), error);
    if (error == http::error::bad_value && head.request.headers.count("Connection") != 0) {
      continue;  // Beast wants every element of Connection to be a token; we look for ours only.
    }
    if (error && error != http::error::need_more) {
      ADD_FAILURE() << error.message() << "\n" << bytes;
      continue;
    }
    ASSERT_TRUE(witness.is_header_done()) << bytes;
    const auto& message = witness.get();
    EXPECT_EQ(std::string_view(message.method_string()), head.request.method);
    EXPECT_EQ(witness.chunked(), head.chunked) << bytes;
    EXPECT_EQ(witness.content_length().value_or(0), head.request.content_length.value_or(0));
    std::size_t fields = 0;
    for (const auto& field : message) {
      ASSERT_LT(fields, head.request.headers.all().size());
      EXPECT_EQ(std::string_view(field.name_string()), head.request.headers.all()[fields].first);
      EXPECT_EQ(std::string_view(field.value()), head.request.headers.all()[fields].second);
      ++fields;
    }
    EXPECT_EQ(fields, head.request.headers.all().size());
  }
  EXPECT_GT(accepted, 1000);
}

TEST(HttpHead, Answers_are_read_and_their_faults_found) {
  HeadLimits limits;
  auto read = [&](std::string text, ResponseHead& head) {
    return !parse_response_head(text, limits, head).has_value();
  };
  ResponseHead head;
  EXPECT_TRUE(read("HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\n\r\n", head));
  EXPECT_EQ(head.status, 206);
  EXPECT_EQ(head.content_length, 7u);
  EXPECT_TRUE(head.keep_alive);
  ResponseHead old;
  EXPECT_TRUE(read("HTTP/1.0 200\r\n\r\n", old));
  EXPECT_FALSE(old.keep_alive);
  for (const char* bad :
       {"HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 999 OK\r\n\r\n", "x\r\n\r\n", "HTTP/1.1 200 OK\r\na b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"}) {
    ResponseHead unused;
    EXPECT_FALSE(read(bad, unused)) << bad;
  }
}

TEST(HttpWrite, A_value_cannot_end_its_line) {
  Response response;
  response.headers.add("Location", "a\r\nSet-Cookie: b");
  response.headers.add("Bad Name", "x");
  response.headers.add("Content-Length", "999");
  std::string out;
  append_response_head(out, response, {.body_bytes = 3, .close = true}, "now");
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nDate: now\r\nLocation: a  Set-Cookie: b\r\n"
            "Content-Length: 3\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace reachback::net
