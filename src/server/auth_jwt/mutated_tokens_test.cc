// Tokens that must not be believed. Source: RFC 8725, trust.md T09.
#include <gtest/gtest.h>

#include "server/auth_jwt/verifier_fixture.h"

namespace reachback::server {
namespace {

struct Case {
  std::string name;
  std::string token;
};

std::string encoded(const json::Object& object) {
  return to_base64url(json::write(object));
}

template <typename T>
json::Object with(json::Object object, std::string_view name, T value) {
  object[name] = std::move(value);
  return object;
}
json::Object without(json::Object object, std::string_view name) {
  object.erase(name);
  return object;
}

void spoil_syntax(World& world, std::vector<Case>& out) {
  std::string good = world.issue();
  std::size_t first = good.find('.'), second = good.find('.', first + 1);
  std::string header = good.substr(0, first), payload = good.substr(first + 1, second - first - 1),
              signature = good.substr(second + 1);
  auto add = [&out](std::string name, std::string token) {
    out.push_back({"syntax: " + std::move(name), std::move(token)});
  };
  add("empty", "");
  add("one dot", ".");
  add("two dots", "..");
  add("one part", header);
  add("two parts", header + "." + payload);
  add("four parts", good + "." + signature);
  add("five parts, as JWE", header + ".." + payload + "." + signature + "." + signature);
  add("no header", "." + payload + "." + signature);
  add("no payload", header + ".." + signature);
  add("no signature", header + "." + payload + ".");
  add("dot at the end", good + ".");
  add("dot at the start", "." + good);
  add("blank at the end", good + " ");
  add("blank at the start", " " + good);
  add("newline at the end", good + "\n");
  add("NUL at the end", good + '\0');
  add("padding", good + "==");
  add("plus for minus", header + "." + payload + "." + "++" + signature.substr(2));
  add("slash for underscore", header + "." + payload + "." + "//" + signature.substr(2));
  add("percent encoded", header + "%2E" + payload + "%2E" + signature);
  add("in quotes", "\"" + good + "\"");
  add("with Bearer", "Bearer " + good);
  add("8 KiB and a byte", header + "." + std::string(kTokenBytesMax, 'A') + "." + signature);
  add("1 MiB", std::string(1 << 20, 'a'));
  add("not UTF-8", "\xff\xfe." + payload + "." + signature);
  // 64 bytes end in a character with 4 spare bits; set them.
  std::string spare = good;
  spare.back() = spare.back() == 'A'   ? 'B'
                 : spare.back() == 'Q' ? 'R'
                 : spare.back() == 'g' ? 'h'
                                       : 'x';
  add("spare bits set", spare);
  std::string flipped = good;
  flipped[second + 5] = flipped[second + 5] == 'A' ? 'B' : 'A';
  add("a bit of the signature", flipped);
  flipped = good;
  flipped[first + 20] = flipped[first + 20] == 'A' ? 'B' : 'A';
  add("a bit of the payload", flipped);
  add("signature cut by a byte", good.substr(0, good.size() - 2));
  add(
      "signature of another token", header + "." + payload + "." + [&world] {
        std::string other = world.issue();
        return other.substr(other.rfind('.') + 1);
      }());
  add("zero signature", header + "." + payload + "." + to_base64url(std::string(64, '\0')));
  add("payload of another token", [&] {
    std::string other = world.issue(kNow, all_roles());
    std::size_t dot = other.find('.');
    return header + other.substr(dot, other.rfind('.') - dot) + "." + signature;
  }());
}

void spoil_header(World& world, std::vector<Case>& out) {
  json::Object h = world.own_header(), c = world.own_claims();
  auto add = [&](std::string name, const json::Object& header) {
    out.push_back({"header: " + std::move(name), world.own_token(header, c)});
  };
  for (const char* alg :
       {"none", "None", "NONE", "nOnE", "", "es256", "ES256 ", "ES384", "ES512", "ES256K", "EdDSA",
        "RS256", "RS512", "PS256", "HS256", "HS384", "HS512"}) {
    add("alg " + std::string(alg), with(h, "alg", alg));
  }
  add("no alg", without(h, "alg"));
  add("alg a number", with(h, "alg", 256));
  add("alg null", with(h, "alg", nullptr));
  add("alg an array", with(h, "alg", json::Array{"ES256"}));
  for (const char* typ : {"JWT", "AT+JWT", "application/at+jwt", "dpop+jwt", "", "at+jwt "}) {
    add("typ " + std::string(typ), with(h, "typ", typ));
  }
  add("no typ", without(h, "typ"));
  add("typ a number", with(h, "typ", 1));
  add("no kid", without(h, "kid"));
  for (const char* kid : {"", "../../etc/passwd", "' OR 1=1 --", "users-1", "*", "AAAA"}) {
    add("kid " + std::string(kid), with(h, "kid", kid));
  }
  add("kid a number", with(h, "kid", 0));
  add("no seal", with(h, "seal", ""));
  add("seal a number", with(h, "seal", 1));
  add("another payload's seal", with(h, "seal", world.key.seal("e30")));
  add("another key's seal", with(h, "seal", world.partner_key.seal(to_base64url(json::write(c)))));
  add("kid an object", with(h, "kid", json::Object{}));
  add("long kid", with(h, "kid", std::string(1000, 'k')));
  add("empty crit", with(h, "crit", json::Array{}));
  add("crit", with(h, "crit", json::Array{"exp"}));
  add("jku", with(h, "jku", "https://evil.example/jwks.json"));
  add("x5u", with(h, "x5u", "https://evil.example/cert.pem"));
  add("x5c", with(h, "x5c", json::Array{"MIIB"}));
  add("b64", with(h, "b64", false));
  add("zip", with(h, "zip", "DEF"));
  add("enc", with(h, "enc", "A256GCM"));
  // The attacker brings the key.
  SigningKey own = *SigningKey::from_pem(generate_signing_key());
  json::Object bringing = with(h, "jwk", *json::parse(own.jwk()));
  const std::string payload = json::write(c);
  out.push_back({"header: jwk",
                 forge(json::write(world.sealed(bringing, payload)), payload, key_signer(own))});
  out.push_back({"header: jwk of ours", world.own_token(bringing, c)});
  auto text = [&](std::string name, std::string header) {
    out.push_back({"header: " + std::move(name), forge(header, payload, key_signer(world.key))});
  };
  std::string good = json::write(world.sealed(h, payload));
  text("kid twice", good.substr(0, good.size() - 1) + ",\"kid\":\"" + world.key.kid() + "\"}");
  text("not an object", "[" + good + "]");
  text("not JSON", "ES256");
  text("BOM", "\xef\xbb\xbf" + good);
  text("something after it", good + "{}");
  text("nested too deep", std::string(5000, '['));
}

void confuse_keys(World& world, std::vector<Case>& out) {
  json::Object h = world.own_header(), c = world.own_claims();
  auto add = [&](std::string name, const json::Object& header, const json::Object& claims,
                 const Signer& sign) {
    const std::string payload = json::write(claims);
    out.push_back({"keys: " + std::move(name),
                   forge(json::write(world.sealed(header, payload)), payload, sign)});
  };
  // What a verifier that trusts `alg` would take as the HMAC secret.
  json::Object hs = with(h, "alg", "HS256");
  add("HMAC with the public JWK", hs, c, hmac_signer(world.key.jwk()));
  add("HMAC with the key set", hs, c, hmac_signer(world.issuer.jwks()));
  add("HMAC with the modulus", with(world.user_header(), "alg", "HS256"), world.user_claims(),
      hmac_signer(rsa_2048().n()));
  add("HMAC with nothing", hs, c, hmac_signer(""));
  add("RSA key of the external issuer on our claims", with(world.user_header(), "typ", "at+jwt"), c,
      rsa_2048().signer());
  add("our key on the external issuer's claims", h, world.user_claims(), key_signer(world.key));
  add("partner's key on our claims", with(h, "kid", world.partner_key.kid()), c,
      key_signer(world.partner_key));
  add("partner's key on the users' claims", with(h, "kid", world.partner_key.kid()),
      world.user_claims(), key_signer(world.partner_key));
  json::Object rsa = world.rsa_header();
  auto by_rsa = [&](std::string name, const json::Object& header, const Signer& sign) {
    const std::string payload = json::write(c);
    out.push_back({"keys: " + std::move(name),
                   forge(json::write(world.sealed(header, payload, own_rsa())), payload, sign)});
  };
  by_rsa("ES256 said of our RSA key", with(rsa, "alg", "ES256"), key_signer(own_rsa()));
  by_rsa("PS256 said of our RSA key", with(rsa, "alg", "PS256"), key_signer(own_rsa()));
  by_rsa("HMAC with our RSA key", with(rsa, "alg", "HS256"), hmac_signer(own_rsa().jwk()));
  by_rsa("our P-256 signature under our RSA key", rsa, key_signer(world.key));
  by_rsa("a foreign RSA key with our kid", rsa, rsa_2048().signer());
  by_rsa("a zero RSA signature", rsa, [](std::string_view) { return std::string(384, '\0'); });
  by_rsa("a short RSA signature", rsa,
         [](std::string_view m) { return own_rsa().sign(m).substr(1); });
  add("our RSA signature under our P-256 key", h, c, key_signer(own_rsa()));
  add("the seal of our other key", rsa, c, key_signer(own_rsa()));
  add("RS256 said of our P-256 key", with(h, "alg", "RS256"), c, key_signer(world.key));
  add("a foreign key with our kid", h, c,
      key_signer(*SigningKey::from_pem(generate_signing_key())));
  json::Object user = world.user_header();
  add("PS256 signature as RS256", user, world.user_claims(),
      rsa_2048().signer("SHA256", RSA_PKCS1_PSS_PADDING));
  add("SHA-512 signature as RS256", user, world.user_claims(), rsa_2048().signer("SHA512"));
  add("SHA-1 signature as RS256", user, world.user_claims(), rsa_2048().signer("SHA1"));
  add("ES256 said of an RSA key", with(user, "alg", "ES256"), world.user_claims(),
      rsa_2048().signer());
  add("external without typ", without(user, "typ"), world.user_claims(), rsa_2048().signer());
  add("external ID token type", with(user, "typ", "id+jwt"), world.user_claims(),
      rsa_2048().signer());
  add("external without kid", without(user, "kid"), world.user_claims(), rsa_2048().signer());
  out.push_back(
      {"keys: no signature at all", encoded(with(h, "alg", "none")) + "." + encoded(c) + "."});
}

void spoil_claims(World& world, std::vector<Case>& out) {
  json::Object c = world.own_claims(), u = world.user_claims();
  auto ours = [&](std::string name, const json::Object& claims) {
    out.push_back({"claims: " + std::move(name), world.own_token(world.own_header(), claims)});
  };
  auto users = [&](std::string name, const json::Object& claims) {
    out.push_back(
        {"user's claims: " + std::move(name), world.user_token(world.user_header(), claims)});
  };
  for (const char* name : {"iss", "aud", "exp", "iat", "iat_us", "sub", "appid", "tid", "jti"}) {
    ours("no " + std::string(name), without(c, name));
    ours(std::string(name) + " null", with(c, name, nullptr));
    ours(std::string(name) + " an object", with(c, name, json::Object{}));
  }
  for (const char* name : {"iss", "aud", "exp", "iat", "sub"}) {
    users("no " + std::string(name), without(u, name));
  }
  std::int64_t iat = c["iat"].as_int64();
  ours("iss with a slash more", with(c, "iss", own_issuer(World::kUrl, world.tenant) + "/"));
  ours("iss in capitals",
       with(c, "iss", "HTTPS://RB.EXAMPLE:8443/" + world.tenant.text() + "/v2.0"));
  ours("iss of an alias", with(c, "iss", own_issuer("https://alias.example", world.tenant)));
  ours("iss of Entra",
       with(c, "iss", own_issuer("https://login.microsoftonline.com", world.tenant)));
  const std::string v1 = own_issuer(World::kUrl, world.tenant, TokenVersion::v1);
  ours("iss of the other version", with(c, "iss", v1));
  ours("ver of the other version", with(c, "ver", "1.0"));
  ours("iss of v1 and no ver", without(with(c, "iss", v1), "ver"));
  ours("iss of v1 without its slash",
       with(with(c, "iss", v1.substr(0, v1.size() - 1)), "ver", "1.0"));
  ours("iss of v1 with another slash", with(with(c, "iss", v1 + "/"), "ver", "1.0"));
  ours("iss of v1 in another tenant",
       with(with(c, "tid", "99999999-2222-4333-8444-555555555555"), "iss", v1));
  ours("no ver", without(c, "ver"));
  ours("ver 3.0", with(c, "ver", "3.0"));
  ours("ver a number", with(c, "ver", 2));
  for (TokenVersion version : {TokenVersion::v1, TokenVersion::v2}) {
    const bool first = version == TokenVersion::v1;
    const std::string of = first ? " of a v1 user" : " of a v2 user";
    const std::string_view name = first ? "upn" : "preferred_username";
    const json::Object d = world.own_user_claims(version);
    for (std::string_view needed : {name, std::string_view("oid"), std::string_view("sid")}) {
      ours("no " + std::string(needed) + of, without(d, needed));
      ours(std::string(needed) + " with a control character" + of, with(d, needed, "a\nb"));
    }
    ours("the name of the other version" + of,
         with(without(d, name), first ? "preferred_username" : "upn", "ann@example.org"));
    ours("sub of the application" + of, with(d, "sub", world.app.text()));
    ours("no scp" + of, without(d, "scp"));
    ours("roles beside no scp" + of,
         with(without(d, "scp"), "roles", json::Array{"Machine.LiveResponse"}));
  }
  ours("tid of another tenant", with(c, "tid", "99999999-2222-4333-8444-555555555555"));
  ours("iss of another tenant",
       with(c, "iss",
            own_issuer(World::kUrl, *TenantId::parse("99999999-2222-4333-8444-555555555555"))));
  ours("tid not a GUID", with(c, "tid", "common"));
  ours("appid not a GUID", with(with(c, "appid", "admin"), "sub", "admin"));
  ours("sub of somebody else", with(c, "sub", "99999999-2222-4333-8444-555555555555"));
  ours("empty jti", with(c, "jti", ""));
  ours("exp a string", with(c, "exp", std::to_string(iat + 3599)));
  ours("exp a fraction", with(c, "exp", static_cast<double>(iat) + 3599.5));
  ours("exp negative", with(c, "exp", -1));
  ours("exp huge", with(c, "exp", std::uint64_t(18446744073709551615u)));
  ours("exp of the last int64", with(c, "exp", std::int64_t(9223372036854775807)));
  ours("exp true", with(c, "exp", true));
  ours("exp long ago", with(c, "exp", 0));
  ours("exp now", with(with(with(c, "exp", iat), "iat", iat - 10), "nbf", iat - 10));
  ours("exp in two hours", with(c, "exp", iat + 7200));
  ours("exp before iat", with(c, "iat", iat + 4000));
  ours("iat in the future", with(with(c, "iat", iat + 61), "exp", iat + 3600));
  ours("nbf in the future", with(c, "nbf", iat + 61));
  ours("nbf a string", with(c, "nbf", "0"));
  ours("roles a string", with(c, "roles", "Machine.LiveResponse"));
  ours("roles of numbers", with(c, "roles", json::Array{1}));
  ours("roles without end", with(c, "roles", json::Array(600, "A")));
  ours("scp on our own token", with(c, "scp", "Machine.LiveResponse"));
  ours("aud of numbers", with(c, "aud", json::Array{1}));
  ours("no aud in the array", with(c, "aud", json::Array{}));
  users("iss unknown", with(u, "iss", "https://login.example/users/"));
  users("iss an array", with(u, "iss", json::Array{World::kUsers}));
  users("scp a number", with(u, "scp", 7));
  users("scp null", with(u, "scp", nullptr));
  users("expired", with(with(u, "exp", iat - 1), "iat", iat - 3600));
  auto text = [&](std::string name, std::string payload) {
    out.push_back({"payload: " + std::move(name),
                   forge(json::write(world.sealed(world.own_header(), payload)), payload,
                         key_signer(world.key))});
  };
  std::string good = json::write(c);
  text("exp twice", good.substr(0, good.size() - 1) + ",\"exp\":4000000000}");
  text("not an object", "[]");
  text("not JSON", "exp=1");
  text("cut", good.substr(0, good.size() - 1));
  text("not UTF-8", good.substr(0, good.size() - 1) + ",\"x\":\"\xff\"}");
  text("exp 1e400", R"({"exp":1e400})");
}

TEST(MutatedTokens, none_of_the_table_is_believed) {
  World world;
  ASSERT_EQ(world.verdict(world.issue()), "ok");
  ASSERT_EQ(world.verdict(world.own_token(world.own_header(), world.own_claims())), "ok");
  ASSERT_EQ(world.verdict(world.own_token(world.rsa_header(), world.own_claims(), own_rsa())),
            "ok");
  for (TokenVersion version : {TokenVersion::v1, TokenVersion::v2}) {
    ASSERT_EQ(world.verdict(world.own_token(world.own_header(), world.own_user_claims(version))),
              "ok");
  }
  ASSERT_EQ(world.verdict(world.user_token(world.user_header(), world.user_claims())), "ok");
  std::vector<Case> cases;
  spoil_syntax(world, cases);
  spoil_header(world, cases);
  confuse_keys(world, cases);
  spoil_claims(world, cases);
  EXPECT_GE(cases.size(), 190u);
  for (const Case& c : cases) {
    for (int again = 0; again < 2; ++again) {  // nothing bad is remembered as good
      auto result = world.verifier->verify(c.token, kNow);
      ASSERT_FALSE(result.ok()) << c.name;
      EXPECT_EQ(result.error().code, Errc::unauthenticated) << c.name;
    }
  }
}

TEST(MutatedTokens, every_flipped_bit_of_a_token_is_noticed) {
  World world;
  TokenSpec spec = world.spec();
  spec.version = TokenVersion::v1;
  world.issuer.set_keys({own_rsa()});
  const std::string of_rsa = world.issuer.issue(spec, kNow).access_token;
  world.issuer.set_keys({world.key});
  for (const std::string& good : {world.issue(), of_rsa}) {
    ASSERT_EQ(world.verdict(good), "ok");
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      auto result = world.verifier->verify(bad, kNow);
      ASSERT_FALSE(result.ok()) << i;
      EXPECT_EQ(result.error().code, Errc::unauthenticated) << i;
    }
  }
}

}  // namespace
}  // namespace reachback::server
