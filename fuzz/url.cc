// URLs: of a server's links, an issuer's documents, settings. What is accepted names one host and
// one port, holds nothing that could end a line or a header, and written out again it is read the
// same.
#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "net/http_client.h"

namespace reachback::fuzz {
namespace {

using net::Url;

bool same(const Url& a, const Url& b) {
  return a.origin.scheme == b.origin.scheme && a.origin.host == b.origin.host &&
         a.origin.port == b.origin.port && a.target == b.target;
}

}  // namespace

void run(std::string_view input) {
  auto url = net::parse_url(input);
  if (!url) {
    FUZZ_CHECK(url.error().code == Errc::invalid_input);
    return;
  }
  const std::string& scheme = url->origin.scheme;
  FUZZ_CHECK(scheme == "https" || scheme == "http" || scheme == "wss" || scheme == "ws");
  FUZZ_CHECK(!url->origin.host.empty() && to_lower(url->origin.host) == url->origin.host);
  FUZZ_CHECK(url->origin.host.find_first_of("@/\\?#[]% ") == std::string::npos);
  FUZZ_CHECK(std::all_of(url->origin.port.begin(), url->origin.port.end(),
                         [](char c) { return c >= '0' && c <= '9'; }));
  const unsigned long port = std::stoul(url->origin.port);
  FUZZ_CHECK(port >= 1 && port <= 65535);
  FUZZ_CHECK(url->target.starts_with('/') && url->target.find('#') == std::string::npos);
  for (const std::string& part : {url->origin.host, url->target}) {
    FUZZ_CHECK(std::all_of(part.begin(), part.end(), [](char c) { return c > 0x20 && c < 0x7f; }));
  }
  // Who reads the text as other programs do, up to the first of "/?", goes to the same host.
  const std::string_view rest = input.substr(input.find("://") + 3);
  const std::string authority = to_lower(rest.substr(0, rest.find_first_of("/?")));
  const bool bracketed = url->origin.host.find(':') != std::string::npos || rest.starts_with('[');
  const std::string host = bracketed ? "[" + url->origin.host + "]" : url->origin.host;
  FUZZ_CHECK(authority == host || authority == host + ":" + url->origin.port);
  auto again = net::parse_url(scheme + "://" + host + ":" + url->origin.port + url->target);
  FUZZ_CHECK(again && same(*again, *url));
}

}  // namespace reachback::fuzz
