// A world in which users sign in: two applications and a user with a one-time code.
#pragma once

#include "crypto/digest.h"
#include "crypto/totp.h"
#include "server/rest/authorize_request.h"
#include "server/rest/query.h"
#include "server/rest/test_world.h"
#include "testing/wait_for.h"

namespace reachback::server::rest::test {

inline const std::string kRedirect = "https://console.example/back";
inline const std::string kVerifier = "abcdefghijklmnopqrstuvwxyz0123456789-._~ABCDEF";
inline const std::string kPassword = "correct horse battery";
inline const std::string kMdeScope = "https://api.securitycenter.microsoft.com/.default";

class UserWorld : public World {
 public:
  explicit UserWorld(RestOptions options = default_options()) : World(std::move(options)) {
    console.tenant = kTenant;
    console.id = *AppId::parse("aaaaaaaa-0000-4000-8000-000000000001");
    console.name = "Console <b>";
    console.redirect_uris = {kRedirect, "http://localhost"};
    console.scopes = {"Machine.Read", "Machine.LiveResponse"};
    confidential = console;
    confidential.id = *AppId::parse("aaaaaaaa-0000-4000-8000-000000000002");
    confidential.name = "Portal";
    confidential.secret = crypto::sha256(kSecret);
    for (const App& app : {console, confidential}) {
      EXPECT_TRUE(testing::wait_for([&](auto d) { stores.apps().add_app(app, d); }).ok());
    }
    sign_in.apps = {console, confidential};
    ann.tenant = kTenant;
    ann.id = kAnn;
    ann.name = "ann@corp.example";
    ann.password = "hash of " + kPassword;
    ann.totp_key = "12345678901234567890";
    ann.roles = bit(UserRole::live_response_advanced);
    ann.valid_from = ann.created = clock.now() - std::chrono::hours(1);
    EXPECT_TRUE(testing::wait_for([&](auto d) { stores.users().add_user(ann, d); }).ok());
    user_rights.set(ann);
  }

  std::string otp() { return crypto::totp_code(ann.totp_key, crypto::totp_step(clock.now())); }

  Pairs ask() const {
    return {{"client_id", console.id.text()},
            {"response_type", "code"},
            {"redirect_uri", kRedirect},
            {"scope", "openid offline_access " + kMdeScope},
            {"state", "s t&a<te"},
            {"nonce", "n1"},
            {"code_challenge", to_base64url(as_bytes(crypto::sha256(kVerifier)))},
            {"code_challenge_method", "S256"}};
  }
  static Pairs with(Pairs pairs, const std::string& name, const std::string& value) {
    std::erase_if(pairs, [&](const auto& pair) { return pair.first == name; });
    if (!value.empty()) {
      pairs.emplace_back(name, value);
    }
    return pairs;
  }
  Reply open(const Pairs& ask, const std::string& path = kAuthorize) {
    return send("GET", path + "?" + encode_pairs(ask));
  }
  Reply submit(Pairs ask, const std::string& user, const std::string& password,
               const std::string& otp, HeaderList headers = {}) {
    ask.insert(ask.end(),
               {{"username", user}, {"password", password}, {"otp", otp}, {"answer", "yes"}});
    return send("POST", kAuthorize, std::move(headers), encode_pairs(ask));
  }
  // The code of a sign-in that works.
  std::string code(const Pairs& ask) {
    Reply r = submit(ask, ann.name, kPassword, otp());
    EXPECT_EQ(r.status, 303) << r.body;
    clock.advance(std::chrono::seconds(30));  // the next one needs another one-time code
    return answered(r.header("Location"), "code");
  }
  // A parameter of a redirect.
  static std::string answered(const std::string& location, std::string_view name) {
    auto at = location.find_first_of("?#");
    auto pairs =
        parse_pairs(location.substr(at == std::string::npos ? location.size() : at + 1), 100);
    auto values = values_of(*pairs, name);
    return values.empty() ? "" : std::string(values.front());
  }
  Reply token(const Pairs& form, HeaderList headers = {}) {
    return send("POST", "/" + kTenant.text() + "/oauth2/v2.0/token", std::move(headers),
                encode_pairs(form));
  }
  Pairs redeeming(const std::string& code) const {
    return {{"grant_type", "authorization_code"},
            {"client_id", console.id.text()},
            {"code", code},
            {"code_verifier", kVerifier},
            {"redirect_uri", kRedirect}};
  }
  Pairs refreshing(const std::string& token) const {
    return {{"grant_type", "refresh_token"},
            {"client_id", console.id.text()},
            {"refresh_token", token}};
  }
  Reply revoke(const std::string& token, const App& app) {
    return send("POST", "/" + kTenant.text() + "/oauth2/v2.0/revoke", {},
                encode_pairs({{"client_id", app.id.text()}, {"token", token}}));
  }
  static std::string member(const Reply& r, const char* name) {
    json::Object o = r.object();
    const json::Value* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : "";
  }
  // What a token of ours would get at the API now.
  bool counts(const std::string& refresh_token) {
    Principal p;
    p.tenant = kTenant;
    p.user = UserToken{ann.id, *UserTokensService::grant_of(refresh_token), clock.now()};
    return user_rights.apply(p).ok();
  }

  static inline const std::string kAuthorize = "/" + kTenant.text() + "/oauth2/v2.0/authorize";
  App console, confidential;
  User ann;
};

}  // namespace reachback::server::rest::test
