#include "server/rest/delegated_scope.h"

#include <algorithm>

#include "base/bytes.h"

namespace reachback::server::rest {
namespace {

constexpr std::size_t kWordsMax = 16;
constexpr std::size_t kBytesMax = 2 << 10;
constexpr std::size_t kNonceBytesMax = 512;
constexpr std::size_t kShownMax = 100;  // bytes of a word in a message
constexpr std::string_view kAll = ".default";

Error bad_scope(std::string message) {
  return Error{Errc::invalid_scope, std::move(message)};
}

Result<void> add_word(const App& app, std::string_view word, const Audiences& audiences,
                      DelegatedAsk& ask, bool& all) {
  const auto slash = word.rfind('/');
  if (slash == std::string_view::npos) {
    return bad_scope("The scope '" + std::string(cut_utf8(word, kShownMax)) +
                     "' is not known: it is <address of the API>/<permission>");
  }
  const std::string_view permission = word.substr(slash + 1);
  // The slash before the permission may be the address's own: "https://host//.default".
  RB_TRY_ASSIGN(std::string audience, audiences.of_resource(word.substr(0, slash)));
  if (!ask.audience.empty() && ask.audience != audience) {
    return bad_scope("The scopes are of two APIs, ask for one at a time");
  }
  ask.audience = std::move(audience);
  if (permission == kAll) {
    all = true;
    return {};
  }
  if (std::find(app.scopes.begin(), app.scopes.end(), permission) == app.scopes.end()) {
    return bad_scope("The application may not ask for '" +
                     std::string(cut_utf8(permission, kShownMax)) + "'");
  }
  if (std::find(ask.scopes.begin(), ask.scopes.end(), permission) == ask.scopes.end()) {
    ask.scopes.emplace_back(permission);
  }
  return {};
}

}  // namespace

Result<DelegatedAsk> read_ask(const App& app, const AskText& text, const Audiences& audiences) {
  DelegatedAsk ask;
  ask.tenant = app.tenant;
  ask.app = app.id;
  ask.version = text.version;
  const bool v1 = text.version == TokenVersion::v1;
  ask.wants_id_token = v1;
  ask.wants_refresh = v1;
  if (text.scope.empty() && text.resource.empty()) {
    return Error{Errc::missing_parameter,
                 "The request must contain the following parameter: 'scope' or 'resource'."};
  }
  if (text.nonce.size() > kNonceBytesMax) {
    return Error{Errc::invalid_request, "The nonce is longer than 512 bytes"};
  }
  ask.nonce = text.nonce;
  if (text.scope.size() > kBytesMax) {
    return bad_scope("The scope is too long");
  }
  bool all = false;
  std::size_t words = 0;
  for (std::string_view rest = text.scope; !rest.empty();) {
    const auto end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.empty()) {
      continue;
    }
    if (++words > kWordsMax) {
      return bad_scope("The scope has more than 16 words");
    }
    if (word == "openid") {
      ask.wants_id_token = true;
    } else if (word == "offline_access") {
      ask.wants_refresh = true;
    } else if (word != "profile" && word != "email") {
      RB_TRY(add_word(app, word, audiences, ask, all));
    }
  }
  if (!text.resource.empty()) {
    RB_TRY_ASSIGN(std::string audience, audiences.of_resource(text.resource));
    if (!ask.audience.empty() && ask.audience != audience) {
      return bad_scope("The scope and the resource are of two APIs");
    }
    ask.audience = std::move(audience);
  }
  if (ask.audience.empty()) {
    ask.audience = audiences.own();
  }
  if (all || ask.scopes.empty()) {
    ask.scopes = app.scopes;
  }
  return ask;
}

std::string granted_scope(const DelegatedAsk& ask) {
  std::string out;
  const std::string base = ask.audience + "/";  // behind a slash of the audience's own, too
  for (const std::string& scope : ask.scopes) {
    out.append(base).append(scope).append(" ");
  }
  out.append(base).append(kAll);
  if (ask.wants_id_token) {
    out += " openid profile";
  }
  return out + (ask.wants_refresh ? " offline_access" : "");
}

}  // namespace reachback::server::rest
