// What the API says of itself. Whether the two documents agree with routes, permissions, limits and
// golden answers is looked at by tools/check_openapi.py.
#include "server/rest/documents.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "server/ports/listing.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using test::World;

json::Object openapi(World& world) {
  return world.send("GET", "/api/openapi.json").object();
}

const json::Object& object_at(const json::Object& root, std::initializer_list<const char*> keys) {
  const json::Object* at = &root;
  for (const char* key : keys) {
    at = &at->at(key).as_object();
  }
  return *at;
}

TEST(Documents, MetadataIsTheGoldenOneAndNeedsNoToken) {
  World world;
  auto golden = read_file(REACHBACK_SOURCE_DIR "/tests/golden/metadata.xml");
  for (const char* path : {"/api/$metadata", "/API/%24Metadata", "/api/v1.0/$metadata"}) {
    auto reply = world.send("GET", path);
    EXPECT_EQ(reply.status, 200) << path;
    EXPECT_EQ(reply.header("Content-Type"), "application/xml");
    EXPECT_EQ(reply.header("OData-Version"), "4.0");
    EXPECT_TRUE(golden.ok() && *golden == reply.body)
        << "tests/golden/metadata.xml would have to be:\n"
        << reply.body;
  }
  EXPECT_EQ(world.verifier.calls, 0);
}

TEST(Documents, AnUnusableTokenDoesNotKeepAnybodyFromReadingThem) {
  World world;
  for (const char* path : {"/api/$metadata", "/api/openapi.json"}) {
    EXPECT_EQ(world.get(path, "rubbish").status, 200) << path;
    EXPECT_EQ(world.get(path, "Machine.Read.All").status, 200) << path;
  }
}

TEST(Documents, AnOptionOrATokenInTheAddressIsRefused) {
  World world;
  for (const char* path : {"/api/$metadata", "/api/openapi.json"}) {
    auto option = world.send("GET", std::string(path) + "?$format=json");
    EXPECT_EQ(option.status, 400) << path;
    EXPECT_EQ(option.code(), "ODataError");
    EXPECT_NE(option.message().find("$format"), std::string::npos);
    EXPECT_EQ(world.send("GET", std::string(path) + "?access_token=x").code(), "BadRequest");
    EXPECT_EQ(world.send("GET", std::string(path) + "?a=%zz").status, 400);
    EXPECT_EQ(world.send("GET", std::string(path) + "?client=x").status, 200);
  }
}

TEST(Documents, OpenApiNamesTheConfiguredAddressThatWasCalled) {
  World world;
  auto server = [&world](const std::string& host) {
    auto object = world.send("GET", "/api/openapi.json", {{"Host", host}}).object();
    return std::string(object.at("servers").as_array().at(0).at("url").as_string());
  };
  EXPECT_EQ(server("api.security.microsoft.com"), "https://api.security.microsoft.com");
  EXPECT_EQ(server("api.securitycenter.microsoft.com"), "https://api.securitycenter.microsoft.com");
  EXPECT_EQ(server("evil.example"), "https://api.security.microsoft.com");
}

TEST(Documents, OpenApiNeedsItsAddressExactlyOnce) {
  EXPECT_FALSE(Documents::of("", R"({"servers":[]})").ok());
  EXPECT_FALSE(Documents::of("", R"(["https://reachback.example","https://reachback.example"])"));
  auto good = Documents::of("", R"(["https://reachback.example"])");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->openapi("https://a\"b"), R"(["https://a\"b"])");
}

TEST(Documents, TheSchemasOfOpenApiHaveThePropertiesOfTheLists) {
  World world;
  const auto document = openapi(world);
  const json::Object& schemas = object_at(document, {"components", "schemas"});
  const std::pair<const char*, const odata::Entity*> pairs[] = {
      {"MachineAction", &action_entity()},
      {"Machine", &machine_entity()},
      {"LibraryFiles", &library_entity()},
  };
  for (const auto& [name, entity] : pairs) {
    std::vector<std::string> shown, described;
    const json::Object& properties = object_at(schemas, {name, "properties"});
    for (const auto& member : properties) {
      shown.emplace_back(member.key());
    }
    for (const odata::Property& property : entity->properties) {
      described.emplace_back(property.name);
      if (property.type != odata::Type::choice) {
        continue;
      }
      const json::Object& schema = properties.at(property.name).as_object();
      const json::Object& given =
          property.nullable ? schema.at("anyOf").as_array().at(0).as_object() : schema;
      std::string_view type(given.at("$ref").as_string());
      type.remove_prefix(type.rfind('/') + 1);
      std::vector<std::string> members, choices;
      for (const json::Value& member : schemas.at(type).at("enum").as_array()) {
        members.emplace_back(member.as_string());
      }
      for (const odata::Choice& choice : property.choices) {
        choices.emplace_back(choice.name);
      }
      EXPECT_EQ(members, choices) << type;
    }
    EXPECT_EQ(shown, described) << name;
  }
}

TEST(Documents, ThePermissionsOfOpenApiAreThoseOfTokens) {
  World world;
  const auto document = openapi(world);
  const json::Object& listed =
      object_at(document, {"components", "securitySchemes", "bearer", "x-permissions"});
  EXPECT_EQ(listed.size(), all_roles().size());
  for (const std::string& role : all_roles()) {
    const json::Value* scope = listed.if_contains(role);
    ASSERT_NE(scope, nullptr) << role;
    EXPECT_EQ(permission_of_scope(std::string_view(scope->as_string())), permission_of_role(role));
  }
}

}  // namespace
}  // namespace reachback::server::rest
