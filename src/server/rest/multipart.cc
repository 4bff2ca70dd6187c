#include "server/rest/multipart.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"

namespace reachback::server::rest {
namespace {

Error bad(std::string_view what) {
  return Error{Errc::invalid_body, "multipart/form-data: " + std::string(what)};
}

struct Valued {
  std::string value;                                        // before the first ';'
  std::vector<std::pair<std::string, std::string>> params;  // names in lower case
  const std::string* param(std::string_view name) const {
    for (const auto& [key, text] : params) {
      if (key == name) {
        return &text;
      }
    }
    return nullptr;
  }
};

// A quoted string at the front of `rest`, which is moved behind it. Only \" and \\ are escapes:
// browsers send Windows paths raw.
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string out;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    char c = rest[i];
    if (c == '"') {
      rest.remove_prefix(i + 1);
      return out;
    }
    if (c == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) {
      c = rest[++i];
    }
    out += c;
  }
  return std::nullopt;
}

// "value; name=token; name="quoted"". Errors: malformed, or a parameter twice.
Result<Valued> parse_valued(std::string_view text) {
  Valued out;
  auto semicolon = text.find(';');
  out.value = to_lower(trim_blanks(text.substr(0, semicolon)));
  std::string_view rest =
      semicolon == std::string_view::npos ? std::string_view() : text.substr(semicolon);
  while (!(rest = trim_blanks(rest)).empty()) {
    if (rest.front() != ';') {
      return bad("a header's parameter is malformed");
    }
    rest = trim_blanks(rest.substr(1));
    if (rest.empty()) {
      break;
    }
    auto equals = rest.find('=');
    if (equals == std::string_view::npos || rest.substr(0, equals).find(';') != std::string::npos) {
      return bad("a header's parameter has no value");
    }
    std::string name = to_lower(trim_blanks(rest.substr(0, equals)));
    rest = trim_blanks(rest.substr(equals + 1));
    std::string value;
    if (rest.starts_with('"')) {
      auto quoted = take_quoted(rest);
      if (!quoted) {
        return bad("a quote is not closed");
      }
      value = std::move(*quoted);
    } else {
      auto end = std::min(rest.find(';'), rest.size());
      value = std::string(trim_blanks(rest.substr(0, end)));
      rest.remove_prefix(end);
    }
    if (out.param(name) != nullptr) {
      return bad("the parameter '" + name + "' is there twice");
    }
    out.params.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

// charset'language'percent-encoded, charset UTF-8. Source: RFC 8187.
std::optional<std::string> decode_extended(std::string_view text) {
  auto first = text.find('\'');
  auto second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos || !equals_ignore_case(text.substr(0, first), "utf-8")) {
    return std::nullopt;
  }
  auto out = percent_decode(text.substr(second + 1));
  return out && is_valid_utf8(*out) ? out : std::nullopt;
}

Result<void> read_disposition(std::string_view value, Part& part) {
  RB_TRY_ASSIGN(Valued disposition, parse_valued(value));
  const std::string* name = disposition.param("name");
  if (disposition.value != "form-data" || name == nullptr) {
    return bad("a part's Content-Disposition is not form-data with a name");
  }
  part.name = *name;
  if (const std::string* plain = disposition.param("filename")) {
    part.filename = *plain;
  }
  if (const std::string* extended = disposition.param("filename*")) {
    auto decoded = decode_extended(*extended);
    if (!decoded) {
      return bad("filename* is not UTF-8 in percent-encoding");
    }
    if (part.filename && *part.filename != *decoded) {
      return bad("filename and filename* disagree");
    }
    part.filename = std::move(decoded);
  }
  return {};
}

// The header lines of a part, without the empty line at their end.
Result<void> read_headers(std::string_view head, Part& part) {
  bool disposition_seen = false;
  while (!head.empty()) {
    auto end = std::min(head.find("\r\n"), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    auto colon = line.find(':');
    bool controls = std::any_of(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
    if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' ||
        line.front() == '\t' || line[colon - 1] == ' ' || controls) {
      return bad("a part's header is malformed");
    }
    std::string_view name = line.substr(0, colon), value = trim_blanks(line.substr(colon + 1));
    if (equals_ignore_case(name, "Content-Disposition")) {
      if (std::exchange(disposition_seen, true)) {
        return bad("a part has two Content-Dispositions");
      }
      RB_TRY(read_disposition(value, part));
    } else if (equals_ignore_case(name, "Content-Transfer-Encoding") &&
               !equals_ignore_case(value, "binary") && !equals_ignore_case(value, "8bit") &&
               !equals_ignore_case(value, "7bit")) {
      return bad("a part is encoded");
    }
  }
  if (!disposition_seen) {
    return bad("a part has no Content-Disposition");
  }
  return {};
}

enum class After { part, close, neither };

// What follows a delimiter: padding and CRLF, or "--". `length` is how much of it belongs to the
// delimiter.
After after_delimiter(std::string_view rest, std::size_t& length) {
  if (rest.starts_with("--")) {
    length = 2;
    return After::close;
  }
  std::size_t i = 0;
  while (i < rest.size() && (rest[i] == ' ' || rest[i] == '\t')) {
    ++i;
  }
  length = i + 2;
  return rest.substr(i).starts_with("\r\n") ? After::part : After::neither;
}

Result<std::string> boundary_of(std::string_view content_type, std::uint64_t chars_max) {
  auto type = parse_valued(content_type);
  if (!equals_ignore_case(trim_blanks(content_type.substr(0, content_type.find(';'))),
                          "multipart/form-data")) {
    return Error{Errc::unsupported_media, "The content type must be multipart/form-data"};
  }
  if (!type) {
    return type.error();
  }
  const std::string* boundary = type->param("boundary");
  if (boundary == nullptr || boundary->empty() || boundary->size() > chars_max) {
    return bad("the boundary must have 1 to " + std::to_string(chars_max) + " characters");
  }
  return *boundary;
}

}  // namespace

Result<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body,
                                          const MultipartBounds& bounds) {
  RB_TRY_ASSIGN(std::string boundary, boundary_of(content_type, bounds.boundary_chars));
  const std::string opening = "--" + boundary, delimiter = "\r\n" + opening;
  if (body.starts_with("\r\n")) {
    body.remove_prefix(2);
  }
  std::size_t length = 0;
  if (!body.starts_with(opening) ||
      after_delimiter(body.substr(opening.size()), length) != After::part) {
    return bad("the body does not begin with the boundary");
  }
  body.remove_prefix(opening.size() + length);

  std::vector<Part> parts;
  while (true) {
    if (parts.size() == bounds.parts) {
      return bad("more than " + std::to_string(bounds.parts) + " parts");
    }
    std::string_view window = body.substr(0, bounds.header_bytes);
    auto head_end = window.find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
      return bad("the headers of a part do not end within " + std::to_string(bounds.header_bytes) +
                 " bytes");
    }
    Part part;
    RB_TRY(read_headers(body.substr(0, head_end), part));
    body.remove_prefix(head_end + 4);

    After after = After::neither;
    std::size_t at = 0;
    while (after == After::neither) {
      at = body.find(delimiter, at);
      if (at == std::string_view::npos) {
        return bad("the closing boundary is missing");
      }
      after = after_delimiter(body.substr(at + delimiter.size()), length);
      if (after == After::neither) {
        at += delimiter.size();
      }
    }
    part.content = body.substr(0, at);
    parts.push_back(std::move(part));
    body.remove_prefix(at + delimiter.size() + length);
    if (after == After::close) {
      return parts;
    }
  }
}

}  // namespace reachback::server::rest
