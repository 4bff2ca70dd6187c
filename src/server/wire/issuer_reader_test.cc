#include "server/wire/issuer_reader.h"

#include <gtest/gtest.h>

#include "server/ports/users.h"
#include "server/wire/config.h"

namespace reachback::server {
namespace {

constexpr const char* kStart = "[[issuers]]\nissuer = \"https://i.example\"\naudiences = [\"a\"]\n";

std::string refusal(const std::string& more) {
  auto c = parse_config(kStart + more, "f.toml");
  return c.ok() ? "" : c.error().message;
}
ClaimMapping claims_of(const std::string& more) {
  auto c = parse_config(kStart + more, "f.toml");
  EXPECT_TRUE(c.ok()) << c.error().message;
  return c.ok() ? c->issuers.at(0).claims : ClaimMapping();
}

TEST(IssuerReader, without_mapping_the_claims_have_their_usual_names) {
  const ClaimMapping claims = claims_of("");
  EXPECT_EQ(claims.roles, ClaimPath{"roles"});
  EXPECT_TRUE(claims.scopes.empty() && claims.user.empty() && claims.user_roles.empty());
  EXPECT_FALSE(claims.role_map || claims.scope_map || claims.user_role_map);
}

TEST(IssuerReader, every_key_of_the_mapping_is_read) {
  const ClaimMapping claims = claims_of(R"(
roles_claim = "resource_access.reachback.roles"
scopes_claim = "scope"
user_claim = ["https://i.example/login", "name"]
user_roles_claim = "realm_access.roles"
[issuers.role_map]
responder = ["Machine.LiveResponse", "Machine.Read.All"]
"soc librarian" = "Library.Manage"
nothing = []
[issuers.scope_map]
"urn:soc:run" = ["Machine.LiveResponse"]
[issuers.user_roles]
SOC-1 = "viewer"
SOC-2 = ["live-response-advanced", "library"]
[[issuers]]
issuer = "https://other.example"
audiences = ["b"]
)");
  EXPECT_EQ(claims.roles, (ClaimPath{"resource_access", "reachback", "roles"}));
  EXPECT_EQ(claims.scopes, ClaimPath{"scope"});
  EXPECT_EQ(claims.user, (ClaimPath{"https://i.example/login", "name"}));
  EXPECT_EQ(claims.user_roles, (ClaimPath{"realm_access", "roles"}));
  EXPECT_EQ(claims.role_map->at("responder"),
            permission_of_role("Machine.LiveResponse") | permission_of_role("Machine.Read.All"));
  EXPECT_EQ(claims.role_map->at("soc librarian"), bit(Permission::library_manage));
  EXPECT_EQ(claims.role_map->at("nothing"), 0u);
  EXPECT_EQ(claims.scope_map->at("urn:soc:run"), permission_of_scope("Machine.LiveResponse"));
  EXPECT_EQ(claims.user_role_map->at("SOC-1"), bit(UserRole::viewer));
  EXPECT_EQ(claims.user_role_map->at("SOC-2"),
            bit(UserRole::live_response_advanced) | bit(UserRole::library));
}

TEST(IssuerReader, a_refusal_names_file_line_and_key) {
  const std::pair<std::string, std::string> rows[] = {
      {"roles = \"roles\"", "f.toml:4: unknown key 'issuers.roles'"},
      {"roles_claim = 7", "f.toml:4: issuers.roles_claim is neither a path"},
      {"roles_claim = [7]", "f.toml:4: issuers.roles_claim is neither a path"},
      {"roles_claim = \"\"", "f.toml:4: issuers.roles_claim is not a path of 1 to 8"},
      {"roles_claim = []", "f.toml:4: issuers.roles_claim is not a path of 1 to 8"},
      {"roles_claim = \"a..b\"", "f.toml:4: issuers.roles_claim is not a path of 1 to 8"},
      {"roles_claim = \"a.\"", "f.toml:4: issuers.roles_claim is not a path of 1 to 8"},
      {"user_claim = \"a.b.c.d.e.f.g.h.i\"", "f.toml:4: issuers.user_claim is not a path"},
      {"role_map = \"x\"", "f.toml:4: issuers.role_map is not a table"},
      {"[issuers.role_map]\nx = \"Machine.LiveResponse\"\ny = \"Machine.Everything\"",
       "f.toml:6: issuers.role_map.\"y\" names 'Machine.Everything'; there are Machine.Read.All, "},
      {"[issuers.role_map]\nx = [\"Machine.Read\"]",
       "f.toml:5: issuers.role_map.\"x\" names 'Machine.Read'; there are"},
      {"[issuers.scope_map]\nx = [\"Machine.Read.All\"]",
       "f.toml:5: issuers.scope_map.\"x\" names 'Machine.Read.All'; there are Machine.Read, "},
      {"[issuers.scope_map]\nx = 7",
       "f.toml:5: issuers.scope_map.\"x\" is not a name or a list of names"},
      {"[issuers.scope_map]\n\"\" = \"Machine.Read\"", "f.toml:5: issuers.scope_map.\"\" is empty"},
      {"user_roles_claim = \"g\"\n[issuers.user_roles]\nx = \"owner\"",
       "f.toml:6: issuers.user_roles.\"x\" names 'owner'; there are viewer, live-response-basic, "},
      {"[issuers.user_roles]\nx = \"viewer\"",
       "f.toml:1: issuers has user_roles, and no user_roles_claim"},
      {"jwks_file = \"a\"\njwks_url = \"b\"", "f.toml:1: issuers has both jwks_file and jwks_url"},
  };
  for (const auto& [more, message] : rows) {
    EXPECT_EQ(refusal(more).substr(0, message.size()), message) << more;
  }
  std::string many = "[issuers.role_map]\n";
  for (int i = 0; i <= 1000; ++i) {
    many += "r" + std::to_string(i) + " = \"Machine.Read.All\"\n";
  }
  EXPECT_NE(refusal(many).find("one too many"), std::string::npos);
  auto second =
      parse_config(std::string(kStart) + "[[issuers]]\nissuer = \"https://x\"\n", "f.toml");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().message, "f.toml:4: issuers needs issuer and audiences");
}

}  // namespace
}  // namespace reachback::server
