// Access tokens, headers and key sets. The harness holds the private keys, so that headers and
// claims of any kind come with good signatures: what is accepted then meets every rule, judged here
// once more from the JSON. Without a signature of these keys nothing is accepted.
#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "json/json.h"
#include "server/auth_jwt/issuer.h"
#include "server/auth_jwt/token_forge.h"
#include "server/auth_jwt/verifier.h"

namespace reachback::fuzz {
namespace {

using namespace server;

constexpr const char* kUrl = "https://rb.example:8443";
constexpr const char* kUsers = "https://login.example/users";
constexpr std::int64_t kNow_s = 1'800'000'000;
const Timestamp kNow = Timestamp(std::chrono::seconds(kNow_s));

struct World {
  TenantId tenant = *TenantId::parse("11111111-2222-4333-8444-555555555555");
  SigningKey key = *SigningKey::from_pem(generate_signing_key());
  SigningKey rsa_key = *SigningKey::from_pem(generate_signing_key(Algorithm::rs256));
  SigningKey users_key = *SigningKey::from_pem(generate_signing_key());
  AudienceList audiences{kUrl, {}};
  CountingRandom random;
  JwtIssuer issuer{key, kUrl, random};
  std::string good = issuer
                         .issue({.tenant = tenant,
                                 .app = *AppId::parse("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
                                 .app_name = "Triage",
                                 .audience = kUrl,
                                 .roles = {"Machine.LiveResponse"},
                                 .user = std::nullopt},
                                kNow)
                         .access_token;

  std::unique_ptr<JwtVerifier> verifier() const {
    VerifierOptions options;
    options.public_url = kUrl;
    options.own_keys = {key, rsa_key};
    options.verdicts_max = 4;
    options.external = {{kUsers, tenant, {"api://reachback"}}};
    auto out = JwtVerifier::create(std::move(options), audiences);
    FUZZ_CHECK(out.ok());
    FUZZ_CHECK((*out)->set_jwks(kUsers, R"({"keys":[)" + users_key.jwk() + "]}").ok());
    return std::move(out).value();
  }
};

std::int64_t number(const json::Object& claims, std::string_view name, std::int64_t fallback) {
  const json::Value* value = claims.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : fallback;
}
std::string text(const json::Object& object, std::string_view name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
bool has_word(const json::Object& claims, std::string_view name, std::string_view word) {
  const json::Value* value = claims.if_contains(name);
  if (value == nullptr || !value->is_array()) {
    return (" " + text(claims, name) + " ").find(" " + std::string(word) + " ") !=
           std::string::npos;
  }
  return std::any_of(value->get_array().begin(), value->get_array().end(), [&](const auto& one) {
    return one.is_string() && std::string_view(one.get_string()) == word;
  });
}

void check_accepted(const Principal& who, std::string_view header, std::string_view payload,
                    bool own, const SigningKey& key) {
  json::Object h = json::parse(header)->as_object(), c = json::parse(payload)->as_object();
  FUZZ_CHECK(text(h, "alg") == to_string(key.algorithm()) && text(h, "kid") == key.kid());
  for (const char* name : {"crit", "jku", "jwk", "x5u", "x5c", "b64", "enc", "zip"}) {
    FUZZ_CHECK(!h.contains(name));
  }
  std::int64_t iat = number(c, "iat", -1), exp = number(c, "exp", -1);
  FUZZ_CHECK(iat >= 0 && iat <= kNow_s + 60 && exp > kNow_s);
  FUZZ_CHECK(exp - iat <= (own ? 3600 : 24 * 3600));
  FUZZ_CHECK(number(c, "nbf", 0) <= kNow_s + 60);
  if (own) {
    FUZZ_CHECK(text(h, "typ") == "at+jwt");
    FUZZ_CHECK(to_lower(text(c, "tid")) == who.tenant.text());
    const bool v1 = text(c, "ver") == "1.0";
    FUZZ_CHECK(text(c, "iss") ==
               std::string(kUrl) + "/" + who.tenant.text() + (v1 ? "/" : "/v2.0"));
    FUZZ_CHECK(v1 || text(c, "ver") == "2.0");
    FUZZ_CHECK(!text(c, "jti").empty() && who.delegated == c.contains("scp"));
    FUZZ_CHECK(text(c, "sub") == text(c, who.delegated ? "oid" : "appid"));
    FUZZ_CHECK(who.caller ==
               to_lower(text(c, "appid")) + (who.delegated ? "|" + to_lower(text(c, "oid")) : ""));
    FUZZ_CHECK(!who.delegated || who.requestor == text(c, v1 ? "upn" : "preferred_username"));
  } else {
    FUZZ_CHECK(text(c, "iss") == kUsers && has_word(c, "aud", "api://reachback"));
    FUZZ_CHECK(!who.delegated || c.contains("scp") || c.contains("scope"));
    FUZZ_CHECK(who.caller == std::string(kUsers) + "|" + text(c, "sub"));
  }
  const char* says = !who.delegated ? "roles" : c.contains("scp") ? "scp" : "scope";
  bool named = has_word(c, says, "Machine.LiveResponse");
  FUZZ_CHECK(who.may_any(bit(Permission::machine_live_response)) == named);
}

// The header on a line, the claims behind it; both signed with a key that the verifier trusts: that
// of the header's algorithm, and sealed by it where it is ours.
void check_signed(const World& world, Input in, bool own) {
  std::string header(in.line());
  const bool rsa = header.find("RS256") != std::string::npos;
  const SigningKey& key = !own ? world.users_key : rsa ? world.rsa_key : world.key;
  if (auto at = header.find("@KID"); at != std::string::npos) {
    header.replace(at, 4, key.kid());
  }
  if (auto at = header.find("@SEAL"); own && at != std::string::npos) {
    header.replace(at, 5, key.seal(to_base64url(in.rest())));
  }
  std::string token = forge(header, in.rest(), key_signer(key));
  auto verifier = world.verifier();
  auto first = verifier->verify(token, kNow);
  auto second = verifier->verify(token, kNow);
  FUZZ_CHECK(first.ok() == second.ok());
  if (!first) {
    FUZZ_CHECK(first.error() == second.error());
    FUZZ_CHECK(first.error().code == Errc::unauthenticated ||
               first.error().code == Errc::forbidden);
    return;
  }
  FUZZ_CHECK(first->caller == second->caller && first->permissions == second->permissions);
  check_accepted(*first, header, in.rest(), own, key);
  FUZZ_CHECK(!verifier->verify(token, first->expires).ok());
  if (own) {
    verifier->revoke_app(*AppId::parse(first->caller.substr(0, 36)), Timestamp::max());
    FUZZ_CHECK(!verifier->verify(token, kNow).ok());
  }
  std::string swapped = forge(header, in.rest(), key_signer(own ? world.users_key : world.key));
  FUZZ_CHECK(!verifier->verify(swapped, kNow).ok());
}

// Pairs of bytes: where a good token changes, and into what.
void check_changed(const World& world, Input in) {
  std::string token = world.good;
  while (!in.rest().empty()) {
    std::size_t at = (in.byte() * 256u + in.byte()) % token.size();
    token[at] = static_cast<char>(in.byte());
  }
  bool same = token == world.good;
  FUZZ_CHECK(world.verifier()->verify(token, kNow).ok() == same);
}

void check_text(const World& world, std::string_view token) {
  if (auto parts = split_token(token)) {
    FUZZ_CHECK(std::string(parts->signed_part) + "." + to_base64url(parts->signature) == token);
    FUZZ_CHECK(to_base64url(parts->header) + "." + to_base64url(parts->payload) ==
               parts->signed_part);
    FUZZ_CHECK(token.size() <= kTokenBytesMax);
  }
  static const auto verifier = world.verifier();
  FUZZ_CHECK(!verifier->verify(token, kNow).ok());
}

void check_key_set(const World& world, std::string_view text) {
  auto keys = KeySet::parse(text);
  if (!keys) {
    FUZZ_CHECK(keys.error().code == Errc::invalid_input);
  } else {
    FUZZ_CHECK(keys->size() >= 1 && keys->size() <= 100);
  }
  auto verifier = world.verifier();
  FUZZ_CHECK(verifier->set_jwks(kUsers, text).ok() == keys.ok());
  FUZZ_CHECK(!verifier->set_jwks("https://nobody.example", text).ok());
}

}  // namespace

void run(std::string_view input) {
  static const World world;
  Input in(input);
  switch (in.choice(5)) {
    case 0:
      check_signed(world, in, /*own=*/true);
      return;
    case 1:
      check_signed(world, in, /*own=*/false);
      return;
    case 2:
      check_changed(world, in);
      return;
    case 3:
      check_text(world, in.rest());
      return;
    default:
      check_key_set(world, in.rest());
  }
}

}  // namespace reachback::fuzz
