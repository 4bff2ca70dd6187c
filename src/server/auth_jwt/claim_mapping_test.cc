#include "server/auth_jwt/claim_mapping.h"

#include <gtest/gtest.h>

#include <random>

#include "server/auth_jwt/verifier_fixture.h"

namespace reachback::server {
namespace {

using Map = std::map<std::string, Permissions, std::less<>>;

const Permissions kRead = permission_of_role("Machine.Read.All");
const Permissions kLibrary = permission_of_role("Library.Manage");

std::optional<MappedCaller> mapped(const ClaimMapping& mapping, json::Object claims) {
  for (const auto& [name, value] : json::Object{{"iss", World::kUsers},
                                                {"aud", "api://x"},
                                                {"exp", 1'800'003'600},
                                                {"iat", 1'800'000'000}}) {
    claims[name] = value;
  }
  if (!claims.contains("sub")) {
    claims["sub"] = "u-17";
  }
  const std::string payload = json::write(claims);
  auto read = parse_token_claims(payload);
  return read ? map_claims(mapping, *read, payload) : std::nullopt;
}

// "user NAME PERMISSIONS" or "app NAME PERMISSIONS", or "malformed".
std::string verdict(const ClaimMapping& mapping, json::Object claims) {
  auto caller = mapped(mapping, std::move(claims));
  if (!caller) {
    return "malformed";
  }
  return (caller->delegated ? "user " : "app ") + caller->requestor + " " +
         std::to_string(caller->permissions);
}
std::string is(std::string_view who, Permissions permissions) {
  return std::string(who) + " " + std::to_string(permissions);
}

// As Keycloak makes them: `scope` and `azp` in every token, roles in two places.
json::Object keycloak_user() {
  return {{"azp", "console"},
          {"scope", "openid profile Machine.LiveResponse Machine.Read"},
          {"preferred_username", "ann"},
          {"realm_access", {{"roles", {"default-roles-soc", "responder"}}}},
          {"resource_access", {{"reachback.api", {{"roles", {"Machine.LiveResponse"}}}}}}};
}
json::Object keycloak_service() {
  json::Object out = keycloak_user();
  out["azp"] = "Triage";
  out["client_id"] = "Triage";
  out["preferred_username"] = "service-account-triage";
  return out;
}

TEST(ClaimMapping, by_default_scp_counts_before_scope) {
  EXPECT_EQ(verdict({}, {{"scp", "Machine.Read"}, {"scope", "Machine.LiveResponse"}}),
            is("user u-17", kRead));
  EXPECT_EQ(verdict({}, {{"scope", "openid Machine.LiveResponse"}}),
            is("user u-17", kLiveResponse));
  EXPECT_EQ(verdict({}, {{"scope", {"Machine.LiveResponse"}}}), is("user u-17", kLiveResponse));
  EXPECT_EQ(verdict({}, {{"scp", ""}, {"scope", "Machine.LiveResponse"}}), is("user u-17", 0));
}

TEST(ClaimMapping, a_token_with_scopes_is_a_users_unless_its_application_stands_for_itself) {
  const json::Object both{{"scp", "Machine.Read"}, {"roles", {"Machine.LiveResponse"}}};
  auto with = [&both](json::Object more) {
    for (const auto& [name, value] : both) {
      more[name] = value;
    }
    return more;
  };
  EXPECT_EQ(verdict({}, both), is("user u-17", kRead));
  EXPECT_EQ(verdict({}, with({{"idtyp", "app"}, {"azp", "a"}})), is("app a", kLiveResponse));
  EXPECT_EQ(verdict({}, with({{"idtyp", "user"}, {"azp", "u-17"}})), is("user u-17", kRead));
  for (const char* client : {"client_id", "azp", "appid"}) {
    EXPECT_EQ(verdict({}, with({{client, "u-17"}})), is("app u-17", kLiveResponse)) << client;
    EXPECT_EQ(verdict({}, with({{client, "other"}})), is("user u-17", kRead)) << client;
  }
  // Without roles it has what its scopes say.
  EXPECT_EQ(verdict({}, {{"scope", "Machine.Read"}, {"client_id", "u-17"}}),
            is("user u-17", kRead));
  EXPECT_EQ(verdict({}, with({{"idtyp", 1}})), "malformed");
}

TEST(ClaimMapping, keycloaks_service_accounts_are_applications_and_its_users_are_not) {
  ClaimMapping mapping;
  mapping.roles = {"resource_access", "reachback.api", "roles"};
  EXPECT_EQ(verdict(mapping, keycloak_user()), is("user ann", kLiveResponse | kRead));
  EXPECT_EQ(verdict(mapping, keycloak_service()), is("app Triage", kLiveResponse));
  // A name alone does not do it: only the client's own token carries `client_id` of that name.
  json::Object pretender = keycloak_user();
  pretender["preferred_username"] = "service-account-triage";
  EXPECT_EQ(verdict(mapping, pretender), is("user service-account-triage", kLiveResponse | kRead));
  pretender["client_id"] = "console";
  EXPECT_EQ(verdict(mapping, pretender), is("user service-account-triage", kLiveResponse | kRead));
}

TEST(ClaimMapping, a_path_leads_to_the_claim_or_to_nothing) {
  ClaimMapping mapping;
  mapping.roles = {"a", "b", "c"};
  const json::Object found{{"a", {{"b", {{"c", {"Machine.LiveResponse"}}}}}}};
  EXPECT_EQ(verdict(mapping, found), is("app u-17", kLiveResponse));
  EXPECT_EQ(verdict(mapping, {{"a", {{"b", {{"c", "Machine.LiveResponse"}}}}}}),
            is("app u-17", kLiveResponse));
  for (const json::Object& absent : {json::Object{}, json::Object{{"a", json::Object{}}},
                                     json::Object{{"roles", {"Library.Manage"}}},
                                     json::Object{{"a.b.c", {"Machine.LiveResponse"}}},
                                     json::Object{{"a", {{"b", json::Object{{"d", 1}}}}}}}) {
    EXPECT_EQ(verdict(mapping, absent), is("app u-17", 0)) << json::write(absent);
  }
  for (const json::Value& wrong : std::initializer_list<json::Value>{
           1, true, nullptr, json::Object{{"x", 1}}, json::Array{1}, json::Array{nullptr},
           json::Array{json::Array{"Machine.LiveResponse"}},
           json::Array(501, "Machine.LiveResponse")}) {
    EXPECT_EQ(verdict(mapping, {{"a", {{"b", {{"c", wrong}}}}}}), "malformed")
        << json::write(wrong);
  }
  for (const json::Value& wrong :
       {json::Value("Machine.LiveResponse"), json::Value(json::Array{})}) {
    EXPECT_EQ(verdict(mapping, {{"a", wrong}}), "malformed") << json::write(wrong);
  }
  mapping.scopes = {"https://example.org/scopes"};
  EXPECT_EQ(
      verdict(mapping, {{"https://example.org/scopes", "Machine.Read"}, {"scp", "Library.Manage"}}),
      is("user u-17", kRead));
}

TEST(ClaimMapping, with_a_map_only_what_stands_in_it_counts) {
  ClaimMapping mapping;
  mapping.role_map = Map{{"responder", kLiveResponse | kLibrary}, {"reader", kRead}};
  EXPECT_EQ(verdict(mapping, {{"roles", {"responder", "other", "Machine.Offboard"}}}),
            is("app u-17", kLiveResponse | kLibrary));
  EXPECT_EQ(verdict(mapping, {{"roles", {"responder", "reader"}}}),
            is("app u-17", kLiveResponse | kLibrary | kRead));
  EXPECT_EQ(verdict(mapping, {{"roles", {"Responder", " responder", "responder "}}}),
            is("app u-17", 0));
  mapping.scope_map = Map{{"soc", kRead}};
  EXPECT_EQ(verdict(mapping, {{"scp", "soc Machine.LiveResponse"}}), is("user u-17", kRead));
}

TEST(ClaimMapping, the_configured_user_claim_is_the_only_one) {
  ClaimMapping mapping;
  mapping.user = {"profile", "login"};
  const json::Object claims{
      {"scp", "Machine.Read"}, {"preferred_username", "ann"}, {"profile", {{"login", "ann@soc"}}}};
  EXPECT_EQ(verdict(mapping, claims), is("user ann@soc", kRead));
  // Who has no such name is nobody; the verifier refuses that.
  EXPECT_EQ(verdict(mapping, {{"scp", "Machine.Read"}, {"preferred_username", "ann"}}),
            is("user ", kRead));
  EXPECT_EQ(verdict(mapping, {{"scp", "Machine.Read"}, {"profile", {{"login", 7}}}}), "malformed");
  // Of an application it is not asked.
  EXPECT_EQ(verdict(mapping, {{"roles", {"Machine.Read.All"}}, {"azp", "a"}}), is("app a", kRead));
}

TEST(ClaimMapping, a_users_roles_narrow_what_the_scopes_allow) {
  const json::Object scopes{{"scp", "Machine.LiveResponse Library.Manage Machine.Isolate"}};
  auto with = [&scopes](json::Value groups) {
    json::Object out = scopes;
    out["groups"] = std::move(groups);
    return out;
  };
  ClaimMapping mapping;
  mapping.user_roles = {"groups"};
  const Permissions basic = bit(Permission::machine_live_response);
  EXPECT_EQ(verdict(mapping, scopes), is("user u-17", 0)) << "no roles";
  EXPECT_EQ(verdict(mapping, with({"viewer"})), is("user u-17", 0));
  EXPECT_EQ(verdict(mapping, with("live-response-basic")), is("user u-17", basic));
  EXPECT_EQ(verdict(mapping, with({"live-response-advanced"})), is("user u-17", kLiveResponse));
  EXPECT_EQ(verdict(mapping, with({"library", "live-response-basic"})),
            is("user u-17", basic | kLibrary));
  EXPECT_EQ(verdict(mapping, with({"admin"})),
            is("user u-17", kLiveResponse | kLibrary | bit(Permission::isolate)));
  mapping.user_role_map = Map{{"SOC-2", bit(UserRole::library) | bit(UserRole::viewer)}};
  EXPECT_EQ(verdict(mapping, with({"SOC-2", "admin"})), is("user u-17", kLibrary));
  // An application has no roles of users.
  json::Object app = with({"viewer"});
  app.erase("scp");
  app["roles"] = json::Array{"Library.Manage"};
  EXPECT_EQ(verdict(mapping, app), is("app u-17", kLibrary));
}

// Whatever the claims say, nobody gets more than the maps hold, nor a user more than its roles.
TEST(ClaimMapping, nothing_comes_from_outside_of_the_maps) {
  std::mt19937 random(7);
  auto pick = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<std::string> values{
      "a", "b", "c", "admin", "viewer", "Machine.LiveResponse", "Library.Manage", "Machine.Read"};
  const std::vector<std::string> names{
      "roles", "scp", "scope", "groups", "azp", "idtyp", "client_id", "x", "preferred_username"};
  std::size_t users = 0, apps = 0, powerful = 0;
  for (int round = 0; round < 5'000; ++round) {
    ClaimMapping mapping;
    mapping.role_map = Map{{"a", kLibrary}, {"b", kRead}};
    mapping.scope_map = Map{{"a", kRead}, {"c", kLiveResponse}};
    mapping.user_roles = {"groups"};
    mapping.user_role_map =
        Map{{"a", bit(UserRole::viewer)}, {"c", bit(UserRole::live_response_basic)}};
    if (pick(3) == 0) {
      mapping.roles = {"x", "roles"};
    }
    json::Object claims;
    for (const std::string& name : names) {
      json::Array list;
      for (std::size_t i = pick(4); i > 0; --i) {
        list.emplace_back(values[pick(values.size())]);
      }
      // Mostly of the type that it has to be.
      const bool is_text =
          name != "roles" && name != "scp" && name != "scope" && name != "groups" && name != "x";
      const std::size_t kind = pick(20);
      if (kind == 0 || (kind < 10 && name == "x")) {
        claims[name] = json::Object{{"roles", list}};
      } else if (kind == 1 || (kind < 10 && !is_text)) {
        claims[name] = list;
      } else if (kind < 10) {
        claims[name] = values[pick(values.size())];
      }
    }
    auto caller = mapped(mapping, claims);
    if (!caller) {
      continue;
    }
    (caller->delegated ? users : apps) += 1;
    powerful += caller->permissions != 0;
    const Permissions most =
        caller->delegated ? kRead | bit(Permission::machine_live_response) : kLibrary | kRead;
    EXPECT_EQ(caller->permissions & ~most, 0u) << json::write(claims);
    EXPECT_FALSE(caller->delegated && !claims.contains("groups") && caller->permissions != 0)
        << json::write(claims);
  }
  EXPECT_GT(users, 100u);
  EXPECT_GT(apps, 100u);
  EXPECT_GT(powerful, 50u);
}

}  // namespace
}  // namespace reachback::server
