#include "net/http_head.h"

#include <array>
#include <limits>

#include "base/bytes.h"
#include "base/text.h"

namespace reachback::net {
namespace {

constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> is{};
  for (int c = 0; c < 256; ++c) {
    is[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) {
    is[static_cast<unsigned char>(c)] = true;
  }
  return is;
}();

constexpr std::array<bool, 256> kHostCharacters = [] {
  std::array<bool, 256> is{};
  for (int c = 0; c < 256; ++c) {
    is[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }
  for (char c : std::string_view("-._~:[]%!$&'()*+;=")) {
    is[static_cast<unsigned char>(c)] = true;
  }
  return is;
}();

bool all_of(std::string_view text, const std::array<bool, 256>& allowed) {
  for (char c : text) {
    if (!allowed[static_cast<unsigned char>(c)]) {
      return false;
    }
  }
  return !text.empty();
}

// Up to the next CRLF, which the scanner has seen to be there.
std::string_view take_line(std::string_view& rest) {
  auto end = rest.find('\r');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

// Digits only, so no sign, no space, no list.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 18) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// "HTTP/d.d"
bool is_http_version(std::string_view text) {
  return text.size() == 8 && text.substr(0, 5) == "HTTP/" && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

// What the fields say about framing, for requests and responses alike.
struct Framing {
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t transfer_encodings = 0;
  std::optional<std::uint64_t> length;
  std::string_view transfer_encoding;
  std::string_view host;
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
};

void note_field(std::string_view name, std::string_view value, Framing& framing) {
  switch (name.size()) {
    case 4:
      if (equals_ignore_case(name, "host")) {
        ++framing.hosts;
        framing.host = value;
      }
      break;
    case 6:
      if (equals_ignore_case(name, "expect")) {
        framing.expects_continue |= equals_ignore_case(value, "100-continue");
      }
      break;
    case 10:
      if (equals_ignore_case(name, "connection")) {
        framing.close |= list_has(value, "close");
        framing.keep_alive |= list_has(value, "keep-alive");
      }
      break;
    case 14:
      if (equals_ignore_case(name, "content-length")) {
        ++framing.lengths;
        framing.length = parse_length(value);
      }
      break;
    case 17:
      if (equals_ignore_case(name, "transfer-encoding")) {
        ++framing.transfer_encodings;
        framing.transfer_encoding = value;
      }
      break;
    default:
      break;
  }
}

// `rest` holds the field lines and the empty line.
std::optional<HeadFault> parse_fields(std::string_view rest, const HeadLimits& limits,
                                      Headers& headers, Framing& framing) {
  std::size_t count = 0;
  while (true) {
    std::string_view line = take_line(rest);
    if (line.empty()) {
      return std::nullopt;
    }
    if (++count > limits.fields_max) {
      return HeadFault{431, "too many header fields"};
    }
    if (line.front() == ' ' || line.front() == '\t') {
      return HeadFault{400, "folded header line"};
    }
    auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
      return HeadFault{400, "malformed header name"};
    }
    std::string_view name = line.substr(0, colon);
    std::string_view value = trim_blanks(line.substr(colon + 1));
    note_field(name, value, framing);
    headers.add(std::string(name), std::string(value));
  }
}

// RFC 9112 §6.3, refusing where it leaves a choice.
std::optional<HeadFault> check_framing(const Framing& framing, bool http_1_0, bool& chunked) {
  if (framing.transfer_encodings > 0 && framing.lengths > 0) {
    return HeadFault{400, "Content-Length together with Transfer-Encoding"};
  }
  if (framing.lengths > 1) {
    return HeadFault{400, "more than one Content-Length"};
  }
  if (framing.lengths == 1 && !framing.length) {
    return HeadFault{400, "malformed Content-Length"};
  }
  if (framing.transfer_encodings > 1 || (framing.transfer_encodings == 1 && http_1_0)) {
    return HeadFault{400, "Transfer-Encoding repeated or in HTTP/1.0"};
  }
  if (framing.transfer_encodings == 1) {
    if (!equals_ignore_case(framing.transfer_encoding, "chunked")) {
      return HeadFault{501, "transfer coding other than chunked"};
    }
    chunked = true;
  }
  return std::nullopt;
}

// Origin form stays, absolute form loses scheme and authority, "*" and CONNECT's authority form
// reach the handler as they are. False: none of these.
bool reduce_target(std::string_view method, std::string_view target, std::string& out) {
  for (char c : target) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || byte == '#') {
      return false;
    }
  }
  if (target.empty()) {
    return false;
  }
  if (target.front() == '/' || method == "CONNECT" || (target == "*" && method == "OPTIONS")) {
    out = target;
    return true;
  }
  auto scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos ||
      !(equals_ignore_case(target.substr(0, scheme_end), "http") ||
        equals_ignore_case(target.substr(0, scheme_end), "https"))) {
    return false;
  }
  std::string_view rest = target.substr(scheme_end + 3);
  auto path_at = rest.find_first_of("/?");
  if (!all_of(rest.substr(0, path_at), kHostCharacters)) {
    return false;
  }
  if (path_at == std::string_view::npos) {
    out = "/";
  } else {
    out = rest[path_at] == '/' ? "" : "/";
    out += rest.substr(path_at);
  }
  return true;
}

}  // namespace

bool is_token(std::string_view text) {
  return all_of(text, kTokenCharacters);
}

bool list_has(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    auto comma = list.find(',');
    if (equals_ignore_case(trim_blanks(list.substr(0, comma)), token)) {
      return true;
    }
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

HeadScanner::State HeadScanner::scan(std::string_view input, const HeadLimits& limits) {
  std::size_t i = at_;
  for (; i < input.size(); ++i) {
    auto c = static_cast<unsigned char>(input[i]);
    if (!first_line_ended_ && i > limits.request_line_bytes_max) {
      return refuse(414, "request line too long");
    }
    if (i >= limits.head_bytes_max) {
      return refuse(431, "header block too large");
    }
    if ((c >= 0x20 && c != 0x7f) || c == '\t') {
      continue;
    }
    if (c != '\r') {
      return refuse(400, c == '\n' ? "line ends with a bare LF" : "control character");
    }
    if (i + 1 == input.size()) {
      break;
    }
    if (input[i + 1] != '\n') {
      return refuse(400, "bare CR");
    }
    if (i == line_start_) {
      if (!first_line_ended_) {
        return refuse(400, "no request line");
      }
      at_ = i + 2;
      return State::complete;
    }
    first_line_ended_ = true;
    line_start_ = i + 2;
    ++i;
  }
  at_ = i;
  return State::need_more;
}

std::optional<HeadFault> parse_request_head(std::string_view head, const HeadLimits& limits,
                                            RequestHead& out) {
  std::string_view line = take_line(head);
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return HeadFault{400, "malformed request line"};
  }
  std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  std::string_view version = line.substr(last + 1);
  if (!is_token(method) || !is_http_version(version)) {
    return HeadFault{400, "malformed request line"};
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return HeadFault{505, "HTTP version other than 1.0 and 1.1"};
  }
  bool http_1_0 = version.back() == '0';
  Request& request = out.request;
  if (!reduce_target(method, target, request.target)) {
    return HeadFault{400, "malformed request target"};
  }
  request.method = method;
  request.headers.reserve(8);
  Framing framing;
  if (auto fault = parse_fields(head, limits, request.headers, framing)) {
    return fault;
  }
  if (framing.hosts != 1 || !all_of(framing.host, kHostCharacters)) {
    return HeadFault{400, "Host missing, repeated or malformed"};
  }
  if (auto fault = check_framing(framing, http_1_0, out.chunked)) {
    return fault;
  }
  request.content_length = framing.length;
  request.has_body = out.chunked || framing.length.value_or(0) > 0;
  out.keep_alive = !http_1_0 && !framing.close;
  out.is_http_1_0 = http_1_0;
  out.expects_continue = framing.expects_continue && !http_1_0 && request.has_body;
  return std::nullopt;
}

std::optional<HeadFault> parse_response_head(std::string_view head, const HeadLimits& limits,
                                             ResponseHead& out) {
  std::string_view line = take_line(head);
  if (line.size() < 12 || !is_http_version(line.substr(0, 8)) || line[5] != '1' || line[8] != ' ' ||
      !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
      (line.size() > 12 && line[12] != ' ')) {
    return HeadFault{400, "malformed status line"};
  }
  out.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (out.status < 100 || out.status > 599) {
    return HeadFault{400, "status out of range"};
  }
  bool http_1_0 = line[7] == '0';
  Framing framing;
  if (auto fault = parse_fields(head, limits, out.headers, framing)) {
    return fault;
  }
  if (auto fault = check_framing(framing, http_1_0, out.chunked)) {
    return fault;
  }
  out.content_length = framing.length;
  out.keep_alive = http_1_0 ? framing.keep_alive : !framing.close;
  return std::nullopt;
}

}  // namespace reachback::net
