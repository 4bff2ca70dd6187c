#include "server/rest/authorize_request.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/bytes.h"
#include "server/rest/delegated_scope.h"

namespace reachback::server::rest {
namespace {

constexpr std::size_t kStateBytesMax = 4 << 10;
constexpr std::size_t kHintBytesMax = 256;

// "http://localhost", "http://127.0.0.1" or "http://[::1]", and what follows the port. nullopt: not
// on the loopback.
struct Loopback {
  std::string_view host, path;
};
std::optional<Loopback> loopback(std::string_view uri) {
  for (std::string_view host : {"http://localhost", "http://127.0.0.1", "http://[::1]"}) {
    if (!uri.starts_with(host)) {
      continue;
    }
    std::string_view rest = uri.substr(host.size());
    if (rest.starts_with(':')) {
      rest.remove_prefix(1);
      const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
      if (digits == 0 || digits > 5) {
        return std::nullopt;
      }
      rest.remove_prefix(digits);
    }
    if (!rest.empty() && rest[0] != '/' && rest[0] != '?') {
      return std::nullopt;  // "http://localhost.example"
    }
    return Loopback{host, rest == "/" ? std::string_view() : rest};
  }
  return std::nullopt;
}

std::string_view one(const Pairs& parameters, std::string_view name) {
  auto values = values_of(parameters, name);
  return values.empty() ? std::string_view() : values.front();
}

Error bad(std::string message) {
  return Error{Errc::invalid_request, std::move(message)};
}

std::optional<ResponseMode> parse_mode(std::string_view mode) {
  if (mode.empty() || mode == "query") {
    return ResponseMode::query;
  }
  if (mode == "fragment") {
    return ResponseMode::fragment;
  }
  return mode == "form_post" ? std::optional(ResponseMode::form_post) : std::nullopt;
}

}  // namespace

bool may_redirect_to(const App& app, std::string_view uri, const std::vector<std::string>& own) {
  const auto wanted = loopback(uri);
  return std::any_of(
      app.redirect_uris.begin(), app.redirect_uris.end(), [&](const std::string& registered) {
        if (registered == uri) {
          return !registered.starts_with('/');
        }
        if (registered.starts_with('/')) {
          return std::any_of(own.begin(), own.end(),
                             [&](const std::string& base) { return uri == base + registered; });
        }
        const auto known = loopback(registered);
        return wanted && known && wanted->host == known->host && wanted->path == known->path;
      });
}

std::string_view redirect_error(Errc code) {
  switch (code) {
    case Errc::invalid_scope:
      return "invalid_scope";
    case Errc::access_denied:
      return "access_denied";
    case Errc::too_many_requests:
    case Errc::unavailable:
      return "temporarily_unavailable";
    case Errc::unsupported_grant:
      return "unsupported_response_type";
    case Errc::invalid_request:
    case Errc::missing_parameter:
    case Errc::invalid_input:
      return "invalid_request";
    default:
      return "server_error";
  }
}

ResponseMode response_mode_of(const Pairs& parameters) {
  return parse_mode(one(parameters, "response_mode")).value_or(ResponseMode::query);
}

Result<AuthorizeRequest> read_authorize_request(const App& app, const Pairs& parameters,
                                                TokenVersion version, const Audiences& audiences) {
  for (std::string_view name :
       {"response_type", "scope", "resource", "state", "nonce", "code_challenge",
        "code_challenge_method", "response_mode", "prompt", "login_hint"}) {
    if (values_of(parameters, name).size() > 1) {
      return bad("The parameter '" + std::string(name) + "' is there twice");
    }
  }
  if (one(parameters, "response_type") != "code") {
    return Error{Errc::unsupported_grant, "Only response_type=code is served"};
  }
  AuthorizeRequest out;
  auto mode = parse_mode(one(parameters, "response_mode"));
  if (!mode) {
    return bad("response_mode must be query, fragment or form_post");
  }
  out.mode = *mode;
  if (one(parameters, "prompt") == "none") {
    return Error{Errc::access_denied, "The user has to sign in: nobody stays signed in here"};
  }
  out.challenge = one(parameters, "code_challenge");
  if (one(parameters, "code_challenge_method") != "S256" || !is_challenge(out.challenge)) {
    return bad("A code_challenge with code_challenge_method=S256 is required (PKCE)");
  }
  out.state = one(parameters, "state");
  if (out.state.size() > kStateBytesMax) {
    return bad("The state is longer than 4 KiB");
  }
  out.login_hint = one(parameters, "login_hint").substr(0, kHintBytesMax);
  out.redirect_uri = one(parameters, "redirect_uri");
  RB_TRY_ASSIGN(out.ask, read_ask(app,
                                  {one(parameters, "scope"), one(parameters, "resource"),
                                   one(parameters, "nonce"), version},
                                  audiences));
  return out;
}

std::string encode_pairs(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    out += (out.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  }
  return out;
}

std::string redirect_target(std::string_view uri, ResponseMode mode, const Pairs& answer) {
  std::string out(uri);
  if (mode == ResponseMode::fragment) {
    return out + "#" + encode_pairs(answer);
  }
  return out + (uri.find('?') == std::string_view::npos ? "?" : "&") + encode_pairs(answer);
}

}  // namespace reachback::server::rest
