// multipart/form-data. The parts lie in the body, one behind the other; written again under another
// boundary they are read the same.
// Input: the content type on a line, then the body. A leading '*': a file name for filename*.
#include "server/rest/multipart.h"

#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

using namespace server::rest;

constexpr MultipartBounds kBounds{.parts = 4, .header_bytes = 512, .boundary_chars = 70};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  }
  return out + "\"";
}

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

std::string written(const std::vector<Part>& parts, std::string_view boundary) {
  std::string out;
  for (const Part& part : parts) {
    out += "--" + std::string(boundary) +
           "\r\nContent-Disposition: form-data; name=" + quoted(part.name);
    if (part.filename) {
      out += is_clean(*part.filename) ? "; filename=" + quoted(*part.filename)
                                      : "; filename*=UTF-8''" + percent_encode(*part.filename);
    }
    out += "\r\n\r\n" + std::string(part.content) + "\r\n";
  }
  return out + "--" + std::string(boundary) + "--\r\n";
}

void check_parts(std::string_view body, const std::vector<Part>& parts) {
  FUZZ_CHECK(!parts.empty() && parts.size() <= kBounds.parts);
  const char* at = body.data();
  for (const Part& part : parts) {
    FUZZ_CHECK(part.content.data() >= at);
    at = part.content.data() + part.content.size();
    FUZZ_CHECK(at <= body.data() + body.size());
    FUZZ_CHECK(is_clean(part.name));
  }
  std::string boundary = "fuzz";
  while (body.find(boundary) != std::string_view::npos) {
    boundary += "x";
  }
  MultipartBounds roomy = kBounds;
  roomy.header_bytes = 16 << 10;  // escapes are longer
  roomy.boundary_chars = 4096;
  const std::string text = written(parts, boundary);
  auto again = parse_multipart("multipart/form-data; boundary=" + boundary, text, roomy);
  FUZZ_CHECK(again && again->size() == parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    FUZZ_CHECK((*again)[i].name == parts[i].name);
    FUZZ_CHECK((*again)[i].filename == parts[i].filename);
    FUZZ_CHECK((*again)[i].content == parts[i].content);
  }
}

void check_extended_name(std::string_view text) {
  std::string body = "--b\r\nContent-Disposition: form-data; name=File; filename*=UTF-8''" +
                     std::string(text) + "\r\n\r\n\r\n--b--";
  auto parts = parse_multipart("multipart/form-data; boundary=b", body, kBounds);
  if (parts && parts->size() == 1 && (*parts)[0].filename) {
    FUZZ_CHECK(is_valid_utf8(*(*parts)[0].filename));
  }
}

}  // namespace

void run(std::string_view input) {
  if (input.starts_with('*')) {
    check_extended_name(input.substr(1));
    return;
  }
  Input in(input);
  std::string_view type = in.line(), body = in.rest();
  auto parts = parse_multipart(type, body, kBounds);
  if (!parts) {
    FUZZ_CHECK(parts.error().code == Errc::invalid_body ||
               parts.error().code == Errc::unsupported_media);
    return;
  }
  check_parts(body, *parts);
}

}  // namespace reachback::fuzz
