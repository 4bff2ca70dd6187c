// Reading a request of the authorization endpoint. Source: RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID
// Connect Core 1.0 §3.1.2.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/ports/directory.h"
#include "server/rest/query.h"
#include "server/service/authorization_codes.h"

namespace reachback::server::rest {

enum class ResponseMode { query, fragment, form_post };

struct AuthorizeRequest {
  DelegatedAsk ask;
  std::string redirect_uri;
  std::string state;
  std::string challenge;  // S256
  std::string login_hint;
  ResponseMode mode = ResponseMode::query;
};

// Whether a code may be sent to `uri`: one of the application's, exactly; of one on the loopback
// (http://localhost, 127.0.0.1, [::1]) the port does not count. One that begins with '/' stands for
// that path at each of `own`, this server's addresses ("https://host[:port]"). Source: RFC 8252
// §7.3, RFC 9700 §2.1.
bool may_redirect_to(const App& app, std::string_view uri, const std::vector<std::string>& own);

// The name in `error=` for what the client did wrong. Source: RFC 6749 §4.1.2.1.
std::string_view redirect_error(Errc code);

// The response_mode that is asked for, query if it is not known: where errors go.
ResponseMode response_mode_of(const Pairs& parameters);

// What stands in the parameters, once client_id and redirect_uri are known to be good. Errors, for
// the application: invalid_request (a parameter twice or missing, no code asked for, PKCE missing
// or plain, a response_mode or prompt that is not served), access_denied (prompt=none: nobody is
// signed in here for longer than a page), and those of read_ask().
Result<AuthorizeRequest> read_authorize_request(const App& app, const Pairs& parameters,
                                                TokenVersion version, const Audiences& audiences);

// Where the browser goes next, for query and fragment: `uri` with the answer's parameters.
std::string redirect_target(std::string_view uri, ResponseMode mode, const Pairs& answer);

// name=value&..., percent-encoded.
std::string encode_pairs(const Pairs& pairs);

}  // namespace reachback::server::rest
