// The sign-in plane. Case numbers are those of trust.md §5.1.
#include <gtest/gtest.h>

#include <algorithm>

#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using std::chrono::seconds;
using test::World;

const std::string kV2 = "/" + test::kTenant.text() + "/oauth2/v2.0/token";
const std::string kV1 = "/" + test::kTenant.text() + "/oauth2/token";
const std::string kScope = "scope=https%3A%2F%2Fapi.securitycenter.microsoft.com%2F.default";
const std::string kResource = "resource=https%3A%2F%2Fapi.securitycenter.microsoft.com";
const std::string kGrant = "grant_type=client_credentials";
const std::string kId = "client_id=" + test::kApp;
const std::string kGood = kGrant + "&" + kId + "&client_secret=" + test::kSecret;
const std::string kWrong = kGrant + "&" + kId + "&client_secret=wrong&" + kScope;
const std::string kJwtType =
    "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
const std::string kSigned =
    kGrant + "&" + kId + "&" + kJwtType + "&client_assertion=" + test::kAssertion;
const std::string kForm = "application/x-www-form-urlencoded";

test::Reply ask(World& world, std::string body, std::string path = kV2,
                test::HeaderList headers = {{"Content-Type", kForm}}) {
  return world.send("POST", std::move(path), std::move(headers), std::move(body));
}
test::HeaderList basic(const std::string& id, const std::string& secret) {
  return {{"Authorization", "Basic " + to_base64(id + ":" + secret)}};
}

TEST(Token, V2AnswersNumbersAndV1Strings) {  // clients.md 6
  World world;
  auto v2 = ask(world, kGood + "&" + kScope);
  ASSERT_EQ(v2.status, 200) << v2.body;
  EXPECT_EQ(v2.body, R"({"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,)"
                     R"("access_token":"eyJ0eXAiOiJhdCtqd3QifQ.e30.AAAA"})");
  EXPECT_EQ(v2.header("Cache-Control"), "no-store");
  EXPECT_EQ(v2.header("Pragma"), "no-cache");
  EXPECT_EQ(world.sign_in.last_audience, "https://api.securitycenter.microsoft.com");
  EXPECT_EQ(world.sign_in.last_version, TokenVersion::v2);
  auto v1 = ask(world, kGood + "&" + kResource, kV1);
  ASSERT_EQ(v1.status, 200) << v1.body;
  EXPECT_EQ(world.sign_in.last_version, TokenVersion::v1);
  EXPECT_EQ(v1.body, R"({"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599",)"
                     R"("expires_on":"1612456611","not_before":"1612453012",)"
                     R"("resource":"https://api.securitycenter.microsoft.com",)"
                     R"("access_token":"eyJ0eXAiOiJhdCtqd3QifQ.e30.AAAA"})");
}

TEST(Token, TakesAFormWhateverItsContentTypeAndAllThatClientsAdd) {  // clients.md 2, 5
  World world;
  for (std::string type : {"", "text/plain", "application/x-www-form-urlencoded; charset=utf-8"}) {
    test::HeaderList headers;
    if (!type.empty()) {
      headers.emplace_back("Content-Type", type);
    }
    auto reply = ask(world,
                     kGood + "&" + kScope +
                         "&client_info=1&redirectUri=x&x-client-SKU=MSAL&client-request-id=7&&",
                     kV2 + "?client-request-id=7&$x=1", headers);
    EXPECT_EQ(reply.status, 200) << reply.body;
  }
  EXPECT_EQ(ask(world, kGood + "&" + kResource, kV2).status, 200);
  EXPECT_EQ(ask(world, kGood + "&" + kScope, kV1).status, 200);
  std::string shout = "/" + test::kTenant.text() + "/OAuth2/V2.0/Token";
  EXPECT_EQ(ask(world, kGood + "&" + kScope, shout).status, 200);
}

TEST(Token, TakesTheSecretInABasicHeader) {
  World world;
  auto reply = ask(world, kGrant + "&" + kScope, kV2, basic(test::kApp, test::kSecret));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(ask(world, kGrant + "&" + kScope, kV2, basic(test::kApp, "right%2Dsecret")).status,
            200);
  EXPECT_EQ(
      ask(world, kGrant + "&" + kScope + "&" + kId, kV2, basic(test::kApp, test::kSecret)).status,
      200);
  auto wrong = ask(world, kGrant + "&" + kScope, kV2, basic(test::kApp, "wrong"));
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.header("WWW-Authenticate"), "Basic realm=\"reachback\"");
}

TEST(Token, RefusesBadRequestsWithOAuthBodies) {  // 2 to 5, 8 to 13
  World world;
  struct Bad {
    std::string body;
    int status;
    std::string error;
    std::string path = kV2;
    test::HeaderList headers = {{"Content-Type", kForm}};
  };
  std::string words = "scope=";
  for (int i = 0; i < 10000; ++i) {
    words += "a+";
  }
  std::string many = kGood + "&" + kScope;
  for (int i = 0; i < 100; ++i) {
    many += "&p" + std::to_string(i) + "=1";
  }
  for (const Bad& bad : std::vector<Bad>{
           {R"({"grant_type":"client_credentials"})", 400, "invalid_request"},
           {R"( [1])", 400, "invalid_request"},
           {kGood + "&" + kScope,
            400,
            "invalid_request",
            kV2,
            {{"Content-Type", "application/json; charset=utf-8"}}},
           {"", 400, "invalid_request"},
           {kGood + "&" + kScope + "&" + kId, 400, "invalid_request"},
           {kGood + "&" + kScope + "&x=1&x=2", 400, "invalid_request"},
           {kId + "&client_secret=x&" + kScope, 400, "invalid_request"},
           {"grant_type=&" + kId + "&client_secret=x&" + kScope, 400, "invalid_request"},
           {"grant_type=password&username=u&password=p", 400, "unsupported_grant_type"},
           {"grant_type=implicit", 400, "unsupported_grant_type"},
           {"grant_type=refresh_token&refresh_token=x", 400, "unsupported_grant_type"},
           {"grant_type=Client_Credentials", 400, "unsupported_grant_type"},
           {kGrant + "&client_secret=x&" + kScope, 400, "invalid_request"},
           {kGrant + "&" + kId + "&" + kScope, 401, "invalid_client"},
           {kGrant + "&" + kId + "&client_assertion=x&" + kScope, 400, "invalid_request"},
           {kGrant + "&" + kId + "&" + kJwtType + "&" + kScope, 400, "invalid_request"},
           {kGrant + "&" + kId + "&client_assertion=x&client_assertion_type=urn%3Asaml2&" + kScope,
            400, "invalid_request"},
           {kGrant + "&" + kJwtType + "&client_assertion=x&" + kScope, 400, "invalid_request"},
           {kGood + "&client_assertion=x&" + kScope, 400, "invalid_request"},
           {kGood + "&client_assertion=x&" + kJwtType + "&" + kScope, 400, "invalid_request"},
           {kGrant + "&client_assertion=x&" + kJwtType + "&" + kScope, 400, "invalid_request", kV2,
            basic(test::kApp, test::kSecret)},
           {kSigned + "&" + kScope, 400, "invalid_request", kV2 + "?client_assertion=x"},
           {kGood, 400, "invalid_request"},
           {kGood + "&scope=openid", 400, "invalid_scope"},
           {kGood + "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default", 400, "invalid_scope"},
           {kGood + "&" + words, 400, "invalid_scope"},
           {kGood + "&resource=https%3A%2F%2Fgraph.microsoft.com", 400, "invalid_scope", kV1},
           {kGood + "&" + kScope + "&x=%zz", 400, "invalid_request"},
           {kGood + "&" + kScope + "&x=%00", 400, "invalid_request"},
           {many, 400, "invalid_request"},
           {kGood + "&" + kScope, 400, "invalid_request", kV2 + "?client_secret=right-secret"},
           {kGood + "&" + kScope, 400, "invalid_request", kV2 + "?Client%5FSecret=right-secret"},
           {kGood + "&" + kScope, 400, "invalid_request", kV2, basic(test::kApp, test::kSecret)},
           {kGrant + "&client_id=other&" + kScope, 400, "invalid_request", kV2,
            basic(test::kApp, test::kSecret)},
           {kGrant + "&" + kScope, 400, "invalid_request", kV2, {{"Authorization", "Basic !!!"}}},
           {kGrant + "&" + kScope, 400, "invalid_request", kV2, {{"Authorization", "Basic eHg="}}},
           {kGrant + "&" + kScope, 401, "invalid_client", kV2, {{"Authorization", "Bearer x"}}},
           {kGrant + "&" + kScope,
            400,
            "invalid_request",
            kV2,
            {{"Authorization", "Basic eA=="}, {"Authorization", "Basic eA=="}}},
           {kGood + "&" + kScope, 400, "invalid_request", "/common/oauth2/v2.0/token"},
           {kGood + "&" + kScope, 400, "invalid_request",
            "/" + test::kOtherTenant.text() + "/oauth2/v2.0/token"}}) {
    auto reply = ask(world, bad.body, bad.path, bad.headers);
    EXPECT_EQ(reply.status, bad.status) << bad.body.substr(0, 200) << "\n" << reply.body;
    EXPECT_EQ(reply.oauth(), bad.error) << bad.body.substr(0, 200) << "\n" << reply.body;
    EXPECT_EQ(reply.body.find(test::kSecret), std::string::npos);
    json::Object o = reply.object();
    EXPECT_TRUE(o.contains("error_codes") && o.contains("trace_id") &&
                o.contains("correlation_id") && o.contains("timestamp"));
  }
  EXPECT_EQ(world.sign_in.calls, 0);
}

TEST(Token, TakesASignedAssertionAtEitherAddress) {  // RFC 7523; clients.md 2
  World world;
  for (const auto& [path, scope] : {std::pair(kV2, kScope), std::pair(kV1, kResource)}) {
    auto reply = ask(world, kSigned + "&" + scope, path);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_NE(reply.body.find("eyJ0eXAiOiJhdCtqd3QifQ"), std::string::npos);
    EXPECT_EQ(world.sign_in.last_audience, "https://api.securitycenter.microsoft.com");
    EXPECT_EQ(world.sign_in.last_version, path == kV2 ? TokenVersion::v2 : TokenVersion::v1);
  }
  // Both addresses and both issuers, on the public URL and on every alias; on no other host.
  EXPECT_EQ(world.sign_in.last_token_urls.size(), 12u);
  for (const std::string base :
       {"https://api.security.microsoft.com", "https://api.securitycenter.microsoft.com",
        "https://login.microsoftonline.com"}) {
    for (const std::string& path :
         {kV2, kV1, "/" + test::kTenant.text() + "/v2.0", "/" + test::kTenant.text()}) {
      const auto& urls = world.sign_in.last_token_urls;
      EXPECT_EQ(std::count(urls.begin(), urls.end(), base + path), 1) << base + path;
    }
  }
  ASSERT_EQ(world.audit.records.size(), 2u);
  EXPECT_EQ(world.audit.records[0].kind, "sign_in");
  EXPECT_EQ(world.audit.records[0].object, "certificate c0ffee");
}

TEST(Token, AnAssertionThatIsNotTakenIs401AndCountedAsAWrongSecretIs) {  // 12, 13, 14
  World world;
  const std::string bad = kGrant + "&" + kId + "&" + kJwtType + "&client_assertion=x.y.z&" + kScope;
  for (int i = 0; i < 9; ++i) {
    auto reply = ask(world, bad);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.oauth(), "invalid_client");
    json::Object o = reply.object();
    EXPECT_TRUE(std::string(o["error_description"].get_string())
                    .starts_with("AADSTS700027: Client assertion failed signature validation."));
    EXPECT_EQ(reply.body.find("x.y.z"), std::string::npos);
  }
  EXPECT_EQ(ask(world, bad).status, 429);
  EXPECT_EQ(ask(world, kSigned + "&" + kScope).status, 429);
  world.refusals.flush();
  ASSERT_EQ(world.audit.records.size(), 1u);
  EXPECT_EQ(world.audit.records[0].kind, "sign_in_refused");
}

TEST(Token, WithoutACredentialItSaysWhichThereAre) {
  World world;
  auto reply = ask(world, kGrant + "&" + kId + "&" + kScope);
  EXPECT_EQ(reply.status, 401);
  EXPECT_NE(reply.body.find("AADSTS7000218: The request body must contain the following parameter: "
                            "'client_assertion' or 'client_secret'."),
            std::string::npos)
      << reply.body;
}

TEST(Token, AnUnknownApplicationAndAWrongSecretAnswerAlike) {  // 6, 7
  World world;
  auto wrong = ask(world, kWrong);
  auto unknown =
      ask(world, kGrant + "&client_id=" + test::kUnknownAction + "&client_secret=wrong&" + kScope);
  for (const auto& reply : {wrong, unknown}) {
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.oauth(), "invalid_client");
    json::Object o = reply.object();
    EXPECT_TRUE(std::string(o["error_description"].get_string())
                    .starts_with("AADSTS7000215: Invalid client secret provided."));
  }
  EXPECT_EQ(wrong.body.size(), unknown.body.size());
}

TEST(Token, TheTenthWrongSecretInAMinuteIsTooMany) {  // 7
  World world;
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(ask(world, kWrong).status, 401) << i;
    world.clock.advance(seconds(1));
  }
  EXPECT_EQ(ask(world, kGood + "&" + kScope).status, 200);
  auto tenth = ask(world, kWrong);
  EXPECT_EQ(tenth.status, 429);
  EXPECT_EQ(tenth.header("Retry-After"), "51");
  EXPECT_EQ(tenth.oauth(), "temporarily_unavailable");
  // Nobody signs in as that application from there now, or guessing would still pay.
  int calls = world.sign_in.calls;
  EXPECT_EQ(ask(world, kGood + "&" + kScope).status, 429);
  EXPECT_EQ(world.sign_in.calls, calls);
  world.peer = "198.51.100.10";
  EXPECT_EQ(ask(world, kGood + "&" + kScope).status, 200);
  world.peer = "198.51.100.9";
  world.clock.advance(seconds(51));
  EXPECT_EQ(ask(world, kGood + "&" + kScope).status, 200);
}

TEST(Token, WrongSecretsStayCountedWhenTheCallRatesAreOff) {
  World world(World::without_rates());
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(ask(world, kWrong).status, 401);
  }
  EXPECT_EQ(ask(world, kWrong).status, 429);
}

TEST(Token, ABodyOverTheLimitIsTheConnectionsToRefuse) {  // 20
  World world;
  EXPECT_EQ(ask(world, std::string(1 << 20, 'x')).status, 413);
}

TEST(Token, TroubleOfTheServiceIsNotTheClientsFault) {
  World world;
  world.sign_in.failure = Error{Errc::unavailable, "database"};
  auto reply = ask(world, kGood + "&" + kScope);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.oauth(), "temporarily_unavailable");
  EXPECT_EQ(reply.body.find("database"), std::string::npos);
  EXPECT_NE(reply.header("Retry-After"), "");
}

TEST(Discovery, NamesThePublicUrlOrTheAliasThatWasCalled) {
  World world;
  std::string path = "/" + test::kTenant.text() + "/v2.0/.well-known/openid-configuration";
  auto value = [&](std::string host, std::string target, std::string key) {
    auto reply = world.send("GET", target, {{"Host", host}});
    EXPECT_EQ(reply.status, 200) << reply.body;
    json::Object o = reply.object();
    return std::string(o[key].is_string() ? o[key].get_string() : "");
  };
  std::string own = "https://api.security.microsoft.com", tenant = test::kTenant.text();
  EXPECT_EQ(value("evil.example", path, "token_endpoint"), own + kV2);
  EXPECT_EQ(value("login.microsoftonline.com", path, "token_endpoint"),
            "https://login.microsoftonline.com" + kV2);
  EXPECT_EQ(value("x", path, "issuer"), own + "/" + tenant + "/v2.0");
  EXPECT_EQ(value("x", path, "jwks_uri"), own + "/" + tenant + "/discovery/v2.0/keys");
  EXPECT_EQ(value("x", path, "authorization_endpoint"),
            own + "/" + tenant + "/oauth2/v2.0/authorize");
  EXPECT_EQ(value("x", "/" + tenant + "/.well-known/openid-configuration", "token_endpoint"),
            own + kV1);
  EXPECT_EQ(value("x", "/" + tenant + "/.well-known/openid-configuration", "issuer"),
            own + "/" + tenant + "/");
  world.issuer.names = {"ES256", "RS256"};
  EXPECT_EQ(json::write(world.send("GET", path).object()["id_token_signing_alg_values_supported"]),
            R"(["ES256","RS256"])");
  auto keys = world.send("GET", "/" + tenant + "/discovery/v2.0/keys");
  EXPECT_EQ(keys.body, R"({"keys":[]})");
  for (std::string other : {test::kOtherTenant.text(), std::string("common"), std::string("x")}) {
    auto reply = world.send("GET", "/" + other + "/v2.0/.well-known/openid-configuration");
    EXPECT_EQ(reply.status, 400) << other;
    EXPECT_EQ(reply.oauth(), "invalid_request");
    EXPECT_NE(reply.body.find("AADSTS90002"), std::string::npos);
    EXPECT_EQ(world.send("GET", "/" + other + "/discovery/v2.0/keys").status, 400);
  }
}

TEST(Discovery, TellsMsalWhereTheTenantIsDescribed) {  // clients.md 9
  World world;
  std::string tenant = test::kTenant.text();
  auto ask_instance = [&](std::string endpoint) {
    return world.send("GET",
                      "/common/discovery/instance?api-version=1.1" +
                          (endpoint.empty() ? "" : "&authorization_endpoint=" + endpoint),
                      {{"Host", "login.microsoftonline.com"}});
  };
  for (std::string endpoint :
       {"https%3A%2F%2Flogin.microsoftonline.com%2F" + tenant + "%2Foauth2%2Fv2.0%2Fauthorize",
        "https://evil.example/" + tenant, std::string("https://x/common/oauth2/authorize"),
        std::string()}) {
    auto reply = ask_instance(endpoint);
    ASSERT_EQ(reply.status, 200) << reply.body;
    json::Object o = reply.object();
    EXPECT_EQ(o["tenant_discovery_endpoint"],
              json::Value("https://login.microsoftonline.com/" + tenant +
                          "/v2.0/.well-known/openid-configuration"));
    EXPECT_EQ(json::write(o["metadata"]),
              R"([{"preferred_network":"login.microsoftonline.com",)"
              R"("preferred_cache":"login.microsoftonline.com",)"
              R"("aliases":["login.microsoftonline.com","api.securitycenter.microsoft.com"]}])");
    EXPECT_EQ(reply.body.find("evil"), std::string::npos);
  }
  EXPECT_EQ(ask_instance("https://x/" + test::kOtherTenant.text()).status, 400);
  EXPECT_EQ(ask_instance("nonsense").status, 200);
}

// T44.
TEST(Token, EverySignInIsRecordedAndRefusedOnesAreCounted) {
  World world;
  auto sign_in = [&](const std::string& secret) {
    return world
        .send("POST", "/" + test::kTenant.text() + "/oauth2/v2.0/token",
              {{"Content-Type", "application/x-www-form-urlencoded"}},
              "grant_type=client_credentials&client_id=" + std::string(test::kApp) +
                  "&client_secret=" + secret +
                  "&scope=https%3A%2F%2Fapi.securitycenter.microsoft.com%2F.default")
        .status;
  };
  ASSERT_EQ(sign_in(std::string(test::kSecret)), 200);
  ASSERT_EQ(world.audit.records.size(), 1u);
  const AccessRecord& record = world.audit.records[0];
  EXPECT_EQ(record.kind, "sign_in");
  EXPECT_EQ(record.principal, test::kApp);
  EXPECT_EQ(record.peer_ip, world.peer);
  EXPECT_FALSE(record.request.has_value()) << "the body holds the secret";
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(sign_in("wrong"), 401);
  }
  EXPECT_EQ(world.audit.records.size(), 1u);
  world.refusals.flush();
  ASSERT_EQ(world.audit.records.size(), 2u);
  EXPECT_EQ(world.audit.records[1].kind, "sign_in_refused");
  EXPECT_TRUE(world.audit.records[1].object.starts_with("5 times"));
  // What cannot be recorded is not given.
  world.audit.fails = true;
  EXPECT_EQ(sign_in(std::string(test::kSecret)), 503);
}

}  // namespace
}  // namespace reachback::server::rest
