#include "base/bytes.h"
#include "net/http_client.h"

namespace reachback::net {
namespace {

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) {
    return false;
  }
  unsigned value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') {
      return false;
    }
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value > 0 && value <= 65535;
}

bool is_host(std::string_view text, bool bracketed) {
  for (char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '.' || c == '-' || c == '_';
    if (!plain && !(bracketed && c == ':')) {
      return false;
    }
  }
  return !text.empty();
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Error bad{Errc::invalid_input, "not a URL: " + std::string(text)};
  auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    return bad;
  }
  Url url;
  url.origin.scheme = to_lower(text.substr(0, scheme_end));
  bool secure = url.origin.scheme == "https" || url.origin.scheme == "wss";
  if (!secure && url.origin.scheme != "http" && url.origin.scheme != "ws") {
    return bad;
  }
  std::string_view rest = text.substr(scheme_end + 3);
  auto target_at = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, target_at);
  std::string_view target =
      target_at == std::string_view::npos ? std::string_view() : rest.substr(target_at);
  for (char c : target) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '#') {
      return bad;
    }
  }
  std::string_view host;
  std::string_view port;
  bool bracketed = authority.substr(0, 1) == "[";
  if (bracketed) {
    auto end = authority.find(']');
    if (end == std::string_view::npos) {
      return bad;
    }
    host = authority.substr(1, end - 1);
    authority.remove_prefix(end + 1);
  } else {
    host = authority.substr(0, authority.find(':'));
    authority.remove_prefix(host.size());
  }
  if (!authority.empty()) {
    port = authority.substr(1);
    if (authority.front() != ':' || !is_port(port)) {
      return bad;
    }
  }
  if (!is_host(host, bracketed)) {
    return bad;
  }
  url.origin.host = to_lower(host);
  url.origin.port = port.empty() ? (secure ? "443" : "80") : std::string(port);
  url.target =
      target.empty() || target.front() != '/' ? "/" + std::string(target) : std::string(target);
  return url;
}

}  // namespace reachback::net
