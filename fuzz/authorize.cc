// What a browser brings to the authorization endpoint, in anybody's name. A code goes nowhere but
// to an address of the application, and never without PKCE; what the pages show is text. Input: the
// query string or form.
#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "server/auth_jwt/audiences.h"
#include "server/rest/authorize_request.h"
#include "server/rest/delegated_scope.h"
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

long count(const std::string& text, char c) {
  return std::count(text.begin(), text.end(), c);
}

// A page with texts of the visitor's says the same in HTML as one without: nothing of them begins a
// tag, ends an attribute, or adds a rule to the policy.
void check_same_html(const net::Response& with, const net::Response& without) {
  FUZZ_CHECK(with.status == without.status);
  for (char c : {'<', '>', '"', '\''}) {
    FUZZ_CHECK(count(with.body, c) == count(without.body, c));
  }
  const auto with_policy = with.headers.get("Content-Security-Policy");
  const auto without_policy = without.headers.get("Content-Security-Policy");
  FUZZ_CHECK(with_policy && without_policy);
  FUZZ_CHECK(count(std::string(*with_policy), ';') == count(std::string(*without_policy), ';'));
  FUZZ_CHECK(std::all_of(with_policy->begin(), with_policy->end(),
                         [](char c) { return c >= 0x20 && c < 0x7f; }));
}

// The parameters that were given, as the pages show them.
void check_pages(const Pairs& pairs) {
  const std::string_view text = pairs.empty() ? "" : std::string_view(pairs[0].second);
  // Where a text decides what the page holds, another text stands for it.
  const std::string_view other = text.empty() ? "" : "x";
  const auto sign_in = [&](const Pairs& hidden, std::string_view shown) {
    server::rest::SignInPage page;
    page.action = shown;
    page.app_name = shown;
    page.scopes = {std::string(shown)};
    page.from = shown;
    page.error = shown;
    page.user_name = shown;
    page.hidden = hidden;
    page.redirect = "https://console.example/back";
    return server::rest::sign_in_page(200, page);
  };
  check_same_html(sign_in(pairs, text), sign_in(Pairs(pairs.size()), other));
  check_same_html(server::rest::device_code_page(400, text, text),
                  server::rest::device_code_page(400, other, other));
  check_same_html(server::rest::message_page(400, text, text),
                  server::rest::message_page(400, other, other));
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out(1);
  for (char c : text) {
    if (c != ' ') {
      out.back() += c;
    } else if (!out.back().empty()) {
      out.emplace_back();
    }
  }
  return out;
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What an application may ask for, and what it is told that it got.
void check_ask(const server::DelegatedAsk& ask, const std::string& asked, bool v1,
               const server::App& app, const server::AudienceList& audiences) {
  FUZZ_CHECK(audiences.accepts(ask.audience) && !ask.scopes.empty() && ask.nonce.size() <= 512);
  for (const std::string& scope : ask.scopes) {
    FUZZ_CHECK(holds(app.scopes, scope));
  }
  const std::vector<std::string> words = words_of(asked);
  FUZZ_CHECK(ask.wants_id_token == (v1 || holds(words, "openid")));
  FUZZ_CHECK(ask.wants_refresh == (v1 || holds(words, "offline_access")));
  const std::string granted = server::rest::granted_scope(ask);
  const std::vector<std::string> got = words_of(granted);
  FUZZ_CHECK(got.size() ==
             ask.scopes.size() + 1 + (ask.wants_id_token ? 2 : 0) + (ask.wants_refresh ? 1 : 0));
  // Asked for by that name it is the same API; and each permission by its own name the same one.
  for (const std::string& word : got) {
    auto again = server::rest::read_ask(app, {word, "", "", server::TokenVersion::v2}, audiences);
    FUZZ_CHECK(again);
    const bool is_ours = word.find('/') != std::string::npos;
    FUZZ_CHECK(!is_ours || again->audience == ask.audience);
    FUZZ_CHECK(!is_ours || word.ends_with("/.default") ||
               (again->scopes.size() == 1 && holds(ask.scopes, again->scopes[0])));
  }
}

}  // namespace

void run(std::string_view input) {
  static const server::AudienceList audiences("https://rb.example:8443", {});
  static const server::App app = application();
  auto pairs = server::rest::parse_pairs(input, 64);
  if (!pairs) {
    return;
  }
  check_pages(*pairs);
  auto uris = server::rest::values_of(*pairs, "redirect_uri");
  if (uris.empty() || !server::rest::may_redirect_to(app, uris.front(), {})) {
    return;
  }
  const std::string uri(uris.front());
  FUZZ_CHECK(uri == app.redirect_uris[0] || uri == app.redirect_uris[1] ||
             (uri.starts_with("http://localhost:") && uri.ends_with("/here") &&
              uri.size() <= app.redirect_uris[1].size() + 6));
  check_same_html(server::rest::form_post_page(uri, *pairs),
                  server::rest::form_post_page(uri, Pairs(pairs->size())));
  const std::string host = server::rest::origin_of(uri);
  FUZZ_CHECK(host + (uri == app.redirect_uris[0] ? "/back" : "/here") == uri);
  for (const auto version : {server::TokenVersion::v1, server::TokenVersion::v2}) {
    auto asked = server::rest::read_authorize_request(app, *pairs, version, audiences);
    if (!asked) {
      FUZZ_CHECK(!asked.error().message.empty() && is_valid_utf8(asked.error().message));
      FUZZ_CHECK(server::rest::redirect_error(asked.error().code) != "server_error");
      continue;
    }
    FUZZ_CHECK(asked->redirect_uri == uri);
    FUZZ_CHECK(asked->login_hint.size() <= 256 && is_valid_utf8(asked->login_hint));
    FUZZ_CHECK(server::is_challenge(asked->challenge));
    auto scope = server::rest::values_of(*pairs, "scope");
    check_ask(asked->ask, scope.empty() ? "" : std::string(scope.front()),
              version == server::TokenVersion::v1, app, audiences);
    FUZZ_CHECK(asked->mode == server::rest::response_mode_of(*pairs));
    // What goes back is read by the application as it was sent.
    const std::string to =
        server::rest::redirect_target(uri, asked->mode, {{"code", "c"}, {"state", asked->state}});
    FUZZ_CHECK(to.starts_with(uri));
    FUZZ_CHECK(to[uri.size()] == (asked->mode == server::rest::ResponseMode::fragment ? '#' : '?'));
    auto back = server::rest::parse_pairs(std::string_view(to).substr(uri.size() + 1), 10);
    FUZZ_CHECK(back && (*back)[1].second == asked->state);
  }
}

}  // namespace reachback::fuzz
