// Users sign in on a page. Case numbers are those of trust.md §5.1.
#include <gtest/gtest.h>

#include "server/ports/console_app.h"
#include "server/rest/pages.h"
#include "server/rest/test_users.h"

namespace reachback::server::rest {
namespace {

using std::chrono::seconds;
using test::kPassword;
using test::kRedirect;
using test::UserWorld;

TEST(Authorize, APageSaysWhoAsksForWhatAndRunsNoScript) {
  UserWorld world;
  auto page = world.open(world.ask());
  ASSERT_EQ(page.status, 200) << page.body;
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("Cache-Control"), "no-store");
  EXPECT_EQ(page.header("X-Frame-Options"), "DENY");
  const std::string policy = page.header("Content-Security-Policy");
  EXPECT_TRUE(policy.starts_with("default-src 'none'; style-src 'sha256-")) << policy;
  EXPECT_EQ(policy.find("script-src"), std::string::npos);
  EXPECT_NE(policy.find("form-action 'self' https://console.example; frame-ancestors 'none'"),
            std::string::npos)
      << policy;
  EXPECT_NE(page.body.find("Console &lt;b&gt;"), std::string::npos);
  EXPECT_NE(page.body.find("<li>Machine.LiveResponse</li>"), std::string::npos);
  EXPECT_NE(page.body.find("value=\"s t&amp;a&lt;te\""), std::string::npos);
  EXPECT_EQ(page.body.find("<script"), std::string::npos);
  EXPECT_TRUE(page.header("Set-Cookie").empty()) << "nobody stays signed in";
}

TEST(Authorize, ACodeAndTheStateGoBackToTheApplication) {
  UserWorld world;
  auto done = world.submit(world.ask(), "ANN@corp.example", kPassword, world.otp());
  ASSERT_EQ(done.status, 303) << done.body;
  const std::string to = done.header("Location");
  EXPECT_TRUE(to.starts_with(kRedirect + "?code=")) << to;
  EXPECT_EQ(UserWorld::answered(to, "state"), "s t&a<te");
  EXPECT_EQ(UserWorld::answered(to, "code").size(), 43u);
}

TEST(Authorize, TheAnswerComesAsItIsAskedFor) {
  UserWorld world;
  auto fragment = world.submit(UserWorld::with(world.ask(), "response_mode", "fragment"),
                               world.ann.name, kPassword, world.otp());
  EXPECT_TRUE(fragment.header("Location").starts_with(kRedirect + "#code="));
  world.clock.advance(seconds(30));
  auto posted = world.submit(UserWorld::with(world.ask(), "response_mode", "form_post"),
                             world.ann.name, kPassword, world.otp());
  ASSERT_EQ(posted.status, 200);
  EXPECT_NE(posted.body.find("<form method=\"post\" action=\"" + kRedirect + "\">"),
            std::string::npos);
  EXPECT_NE(posted.body.find("name=\"code\""), std::string::npos);
  EXPECT_NE(posted.header("Content-Security-Policy").find("form-action https://console.example"),
            std::string::npos);
}

TEST(Authorize, WhoIsNotKnownGetsNobodySentAnywhere) {
  UserWorld world;
  for (const Pairs& ask :
       {UserWorld::with(world.ask(), "client_id", "aaaaaaaa-0000-4000-8000-00000000000f"),
        UserWorld::with(world.ask(), "client_id", "'; --"),
        UserWorld::with(world.ask(), "client_id", ""),
        UserWorld::with(world.ask(), "redirect_uri", ""),
        UserWorld::with(world.ask(), "redirect_uri", "https://evil.example/back"),
        UserWorld::with(world.ask(), "redirect_uri", kRedirect + "/more"),
        UserWorld::with(world.ask(), "redirect_uri", kRedirect + "?x=1"),
        UserWorld::with(world.ask(), "redirect_uri", "https://console.example/BACK"),
        UserWorld::with(world.ask(), "redirect_uri", "http://localhost.evil.example"),
        UserWorld::with(world.ask(), "redirect_uri", "http://localhost:1/elsewhere"),
        UserWorld::with(world.ask(), "redirect_uri", "http://localhost:999999"),
        UserWorld::with(world.ask(), "redirect_uri", "http://127.0.0.1")}) {
    for (auto reply : {world.open(ask), world.submit(ask, world.ann.name, kPassword, "000000")}) {
      EXPECT_EQ(reply.status, 400) << encode_pairs(ask);
      EXPECT_EQ(reply.header("Location"), "");
      EXPECT_EQ(reply.body.find("evil.example"), std::string::npos);
    }
  }
  Pairs twice = world.ask();
  twice.emplace_back("redirect_uri", kRedirect);
  EXPECT_EQ(world.open(twice).status, 400);
  EXPECT_EQ(world.open(world.ask(), "/" + test::kOtherTenant.text() + "/oauth2/authorize").status,
            400);
}

TEST(Authorize, ThePortOfTheLoopbackDoesNotCount) {  // RFC 8252 §7.3
  UserWorld world;
  for (const char* uri : {"http://localhost", "http://localhost/", "http://localhost:53217",
                          "http://localhost:53217/"}) {
    EXPECT_EQ(world.open(UserWorld::with(world.ask(), "redirect_uri", uri)).status, 200) << uri;
  }
}

TEST(Authorize, AMistakeOfTheApplicationGoesBackToIt) {
  UserWorld world;
  std::string wide;
  for (int i = 0; i < 60; ++i) {
    wide += "ü";
  }
  const std::tuple<std::string, std::string, std::string> mistakes[] = {
      {"response_type", "token", "unsupported_response_type"},
      {"response_type", "", "unsupported_response_type"},
      {"code_challenge", "", "invalid_request"},  // 19
      {"code_challenge", "short", "invalid_request"},
      {"code_challenge_method", "plain", "invalid_request"},
      {"code_challenge_method", "", "invalid_request"},
      {"response_mode", "web_message", "invalid_request"},
      {"scope", "", "invalid_request"},
      {"scope", "https://graph.microsoft.com/.default", "invalid_scope"},
      {"scope", "https://api.securitycenter.microsoft.com/Library.Manage", "invalid_scope"},  // 10
      {"scope", "Machine.Read", "invalid_scope"},
      {"scope", std::string(3000, 'x'), "invalid_scope"},  // 11
      {"scope", "a" + wide, "invalid_scope"},              // shown cut between two characters
      {"scope", "https://api.securitycenter.microsoft.com/a" + wide, "invalid_scope"},
      {"scope",
       "openid openid openid openid openid openid openid openid openid openid openid "
       "openid openid openid openid openid openid",
       "invalid_scope"},
      {"prompt", "none", "access_denied"},
      {"nonce", std::string(600, 'n'), "invalid_request"},
  };
  for (const auto& [name, value, error] : mistakes) {
    auto reply = world.open(UserWorld::with(world.ask(), name, value));
    ASSERT_EQ(reply.status, 303) << name << "=" << value << reply.body;
    const std::string to = reply.header("Location");
    EXPECT_TRUE(to.starts_with(kRedirect + "?")) << to;
    EXPECT_EQ(UserWorld::answered(to, "error"), error) << name << "=" << value;
    EXPECT_EQ(UserWorld::answered(to, "state"), "s t&a<te");
    EXPECT_NE(UserWorld::answered(to, "error_description"), "");
    EXPECT_TRUE(is_valid_utf8(UserWorld::answered(to, "error_description"))) << to;
  }
}

TEST(Authorize, WhateverIsWrongTheAnswerIsTheSame) {
  UserWorld world;
  User bob = world.ann;
  bob.id = UserId::make(world.random);
  bob.name = "bob";
  bob.disabled = true;
  ASSERT_TRUE(testing::wait_for([&](auto d) { world.stores.users().add_user(bob, d); }).ok());
  auto body_for = [&](const std::string& user, const std::string& password,
                      const std::string& otp) {
    auto reply = world.submit(world.ask(), user, password, otp);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.header("Location"), "");
    auto at = reply.body.find("role=\"alert\"");
    return reply.body.substr(at, reply.body.find("</p>", at) - at);
  };
  const std::string first = body_for(world.ann.name, "wrong", world.otp());
  EXPECT_NE(first.find("wrong"), std::string::npos);
  EXPECT_EQ(body_for("nobody", kPassword, world.otp()), first);
  EXPECT_EQ(body_for(world.ann.name, kPassword, "000000"), first);
  EXPECT_EQ(body_for(world.ann.name, kPassword, ""), first);
  EXPECT_EQ(body_for("bob", kPassword, world.otp()), first);
  EXPECT_EQ(body_for("", "", ""), first);
}

TEST(Authorize, AOneTimeCodeCountsOnceAndIsGoodForAMinuteAndAHalf) {
  UserWorld world;
  const std::string otp = world.otp();
  world.clock.advance(seconds(30));
  EXPECT_EQ(
      world.submit(world.ask(), world.ann.name, kPassword, otp.substr(0, 3) + " " + otp.substr(3))
          .status,
      303);
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, otp).status, 400);
  const std::string later = world.otp();
  world.clock.advance(seconds(60));
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, later).status, 400);
}

TEST(Authorize, GuessingIsSlowedDownAndARightPasswordDoesNotPassThen) {
  UserWorld world;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(world.submit(world.ask(), world.ann.name, "wrong", "").status, 400) << i;
  }
  EXPECT_EQ(world.submit(world.ask(), "Ann@corp.example", kPassword, world.otp()).status, 429);
  world.peer = "203.0.113.5";
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, world.otp()).status, 303);
  world.peer = "198.51.100.9";
  world.clock.advance(seconds(61));
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, world.otp()).status, 303);
}

TEST(Authorize, GuessingFromManyAddressesIsSlowedDownToo) {
  UserWorld world;
  for (int i = 0; i < 100; ++i) {
    world.peer = "203.0.113." + std::to_string(i);
    EXPECT_EQ(world.submit(world.ask(), world.ann.name, "wrong", "").status, 400) << i;
  }
  world.peer = "198.51.100.1";
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, world.otp()).status, 429);
}

TEST(Authorize, ManyGuessesAtOnceAreAsManyAsOneAfterTheOther) {
  UserWorld world;
  world.passwords.held.emplace();
  Pairs form = world.ask();
  form.insert(form.end(), {{"username", world.ann.name}, {"password", "wrong"}, {"answer", "yes"}});
  for (int i = 0; i < 10; ++i) {
    world.begin("POST", UserWorld::kAuthorize, {}, encode_pairs(form));
  }
  EXPECT_EQ(world.passwords.held->size(), 10u);
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, "wrong", "").status, 429);
  for (auto& answer : *world.passwords.held) {
    answer();
  }
}

TEST(Authorize, GuessingNamesIsSlowedDownToo) {
  UserWorld world;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(world.submit(world.ask(), "user " + std::to_string(i), "wrong", "").status, 400) << i;
  }
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, world.otp()).status, 429);
  world.peer = "203.0.113.5";
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, world.otp()).status, 303);
}

TEST(Authorize, AFormOfAnotherSiteIsRefused) {
  UserWorld world;
  for (const char* site : {"cross-site", "same-site", "none"}) {
    auto reply = world.submit(world.ask(), world.ann.name, kPassword, world.otp(),
                              {{"Sec-Fetch-Site", site}});
    EXPECT_EQ(reply.status, 400) << site;
    EXPECT_EQ(reply.header("Location"), "");
  }
  EXPECT_EQ(world
                .submit(world.ask(), world.ann.name, kPassword, world.otp(),
                        {{"Sec-Fetch-Site", "same-origin"}})
                .status,
            303);
}

TEST(Authorize, AUserMaySayNo) {
  UserWorld world;
  Pairs form = world.ask();
  form.emplace_back("answer", "no");
  auto reply = world.send("POST", UserWorld::kAuthorize, {}, encode_pairs(form));
  ASSERT_EQ(reply.status, 303);
  EXPECT_EQ(UserWorld::answered(reply.header("Location"), "error"), "access_denied");
}

TEST(Authorize, AStoreThatFailsIsNotAWrongPassword) {
  UserWorld world;
  world.stores.users().faults().fail_next(Error{Errc::unavailable, "down"});
  auto reply = world.submit(world.ask(), world.ann.name, kPassword, world.otp());
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body.find("down"), std::string::npos);
  EXPECT_EQ(world.submit(world.ask(), world.ann.name, kPassword, world.otp()).status, 303);
}

TEST(Pages, EscapeWhatIsShown) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  EXPECT_EQ(origin_of("http://localhost:8080/a?b"), "http://localhost:8080");
  EXPECT_EQ(origin_of("https://host"), "https://host");
  EXPECT_EQ(origin_of("com.example.app:/back"), "com.example.app:");
}

// The console's: the public URL may be another one at each start.
TEST(Authorize, ARedirectAddressThatBeginsWithASlashIsAtThisServerAndNowhereElse) {
  UserWorld world;
  App app = world.console;
  app.redirect_uris = {"/console/signed-in"};
  const std::vector<std::string> own{"https://reachback.example:8443", "https://alias.example"};
  for (const char* good : {"https://reachback.example:8443/console/signed-in",
                           "https://alias.example/console/signed-in"}) {
    EXPECT_TRUE(may_redirect_to(app, good, own)) << good;
  }
  for (const char* bad :
       {"/console/signed-in", "https://reachback.example/console/signed-in",
        "http://alias.example/console/signed-in", "https://alias.example/console/signed-in/",
        "https://alias.example/console/signed-in?x=1", "https://evil.example/console/signed-in",
        "https://alias.example.evil.example/console/signed-in", "https://alias.example/",
        "https://ALIAS.example/console/signed-in", ""}) {
    EXPECT_FALSE(may_redirect_to(app, bad, own)) << bad;
  }
}

TEST(Authorize, ACodeGoesToTheConsoleUnderThePublicUrlAndItsAliases) {
  UserWorld world;
  App app = world.console;
  app.id = console_app_id();
  app.name = kConsoleAppName;
  app.redirect_uris = {std::string(kConsoleRedirect)};
  ASSERT_TRUE(testing::wait_for([&](auto d) { world.stores.apps().add_app(app, d); }).ok());
  auto ask = UserWorld::with(world.ask(), "client_id", app.id.text());
  const std::string back = "https://api.security.microsoft.com/console/signed-in";
  ask = UserWorld::with(ask, "redirect_uri", back);
  auto done = world.submit(ask, world.ann.name, kPassword, world.otp());
  ASSERT_EQ(done.status, 303) << done.body;
  EXPECT_TRUE(done.header("Location").starts_with(back + "?code="));
  EXPECT_EQ(world
                .open(UserWorld::with(ask, "redirect_uri",
                                      "https://evil.example" + std::string(kConsoleRedirect)))
                .status,
            400);
}

}  // namespace
}  // namespace reachback::server::rest
