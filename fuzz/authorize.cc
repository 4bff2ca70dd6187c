// What a browser brings to the authorization endpoint, in anybody's name. A code goes nowhere but
// to an address of the application, and never without PKCE; what the pages show is text. Input: the
// query string or form.
#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "server/auth_jwt/audiences.h"
#include "server/rest/authorize_request.h"
#include "server/rest/pages.h"

namespace reachback::fuzz {
namespace {

using server::rest::Pairs;

server::App application() {
  server::App app;
  app.name = "console";
  app.redirect_uris = {"https://console.example/back", "http://localhost/here"};
  app.scopes = {"Machine.Read", "Machine.LiveResponse"};
  return app;
}

// The parameters that were given, as a page shows them: nothing of them ends an attribute.
void check_page(const Pairs& pairs) {
  server::rest::SignInPage page;
  page.hidden = pairs;
  page.redirect = "https://console.example/back";
  page.user_name = pairs.empty() ? "" : std::string_view(pairs[0].second);
  const std::string with = server::rest::sign_in_page(200, page).body;
  page.hidden = Pairs(pairs.size());
  page.user_name = "";
  const std::string without = server::rest::sign_in_page(200, page).body;
  const auto count = [](const std::string& text, char c) {
    return std::count(text.begin(), text.end(), c);
  };
  FUZZ_CHECK(count(with, '<') == count(without, '<'));
  FUZZ_CHECK(count(with, '"') == count(without, '"'));
}

}  // namespace

void run(std::string_view input) {
  static const server::AudienceList audiences("https://rb.example:8443", {});
  static const server::App app = application();
  auto pairs = server::rest::parse_pairs(input, 64);
  if (!pairs) {
    return;
  }
  check_page(*pairs);
  auto uris = server::rest::values_of(*pairs, "redirect_uri");
  if (uris.empty() || !server::rest::may_redirect_to(app, uris.front())) {
    return;
  }
  const std::string_view uri = uris.front();
  FUZZ_CHECK(uri == app.redirect_uris[0] || uri == app.redirect_uris[1] ||
             (uri.starts_with("http://localhost:") && uri.ends_with("/here") &&
              uri.size() <= app.redirect_uris[1].size() + 6));
  auto asked =
      server::rest::read_authorize_request(app, *pairs, server::TokenVersion::v2, audiences);
  if (!asked) {
    FUZZ_CHECK(!asked.error().message.empty() && is_valid_utf8(asked.error().message));
    FUZZ_CHECK(server::rest::redirect_error(asked.error().code) != "server_error");
    return;
  }
  FUZZ_CHECK(asked->redirect_uri == uri);
  FUZZ_CHECK(server::is_challenge(asked->challenge));
  FUZZ_CHECK(audiences.accepts(asked->ask.audience) && !asked->ask.scopes.empty());
  for (const std::string& scope : asked->ask.scopes) {
    FUZZ_CHECK(std::find(app.scopes.begin(), app.scopes.end(), scope) != app.scopes.end());
  }
  // What goes back is read by the application as it was sent.
  const std::string to =
      server::rest::redirect_target(uri, asked->mode, {{"code", "c"}, {"state", asked->state}});
  FUZZ_CHECK(to.starts_with(uri));
  auto back = server::rest::parse_pairs(std::string_view(to).substr(uri.size() + 1), 10);
  FUZZ_CHECK(back && (*back)[1].second == asked->state);
}

}  // namespace reachback::fuzz
