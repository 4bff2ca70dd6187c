#include "server/auth_jwt/key_set.h"

#include <gtest/gtest.h>

#include "server/auth_jwt/token_forge.h"

namespace reachback::server {
namespace {

std::string set_of(const std::string& keys) {
  return R"({"keys":[)" + keys + "]}";
}
std::string ec_jwk() {
  static const std::string jwk = SigningKey::from_pem(generate_signing_key())->jwk();
  return jwk;
}
// The other kinds that stand in real key sets.
constexpr const char* kEncryptionKey =
    R"({"kty":"RSA","kid":"enc","use":"enc","n":"AQAB","e":"AQAB"})";
constexpr const char* kEdwardsKey = R"({"kty":"OKP","crv":"Ed25519","kid":"ed","x":"AQAB"})";

TEST(KeySet, reads_rsa_and_ec_keys_and_passes_over_the_rest) {
  auto set = KeySet::parse(
      set_of(ec_jwk() + "," + rsa_2048().jwk("r", R"(,"use":"sig","alg":"RS256","x5t":"abc")") +
             "," + kEncryptionKey + "," + kEdwardsKey + R"(,{"kty":"RSA","n":"AQAB","e":"AQAB"})"));
  ASSERT_TRUE(set.ok()) << set.error().message;
  EXPECT_EQ(set->size(), 2u);
  ASSERT_NE(set->find("r"), nullptr);
  EXPECT_EQ(set->find("r")->algorithm(), Algorithm::rs256);
  EXPECT_EQ(set->find("enc"), nullptr);
  EXPECT_EQ(set->find(""), nullptr);
  EXPECT_EQ(set->find("R"), nullptr);
}

TEST(KeySet, a_key_for_another_algorithm_or_purpose_is_passed_over) {
  for (const char* more : {R"(,"alg":"PS256")", R"(,"alg":"HS256")", R"(,"alg":"none")",
                           R"(,"use":"enc")", R"(,"key_ops":["sign"])", R"(,"key_ops":"verify")"}) {
    EXPECT_FALSE(KeySet::parse(set_of(rsa_2048().jwk("r", more))).ok()) << more;
  }
  EXPECT_TRUE(KeySet::parse(set_of(rsa_2048().jwk("r", R"(,"key_ops":["verify"])"))).ok());
}

TEST(KeySet, broken_sets_are_refused) {
  std::string rsa = rsa_2048().jwk("r");
  std::string many;
  for (int i = 0; i < 101; ++i) {
    many += (i == 0 ? "" : ",") + std::string(kEdwardsKey);
  }
  const std::string cases[] = {
      "",
      "nonsense",
      "[]",
      "{}",
      R"({"keys":{}})",
      set_of(""),
      set_of("7"),
      set_of(kEdwardsKey),
      set_of(rsa + "," + rsa),                                     // one kid twice
      set_of(rsa_2048().jwk("r", R"(,"d":"AQAB")")),               // a private key
      set_of(R"({"kty":"oct","kid":"o","k":"c2VjcmV0"})"),         // a shared secret
      set_of(R"({"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"})"),  // 24 bits
      set_of(R"({"kty":"RSA","kid":"r","n":"a+b/","e":"AQAB"})"),  // not base64url
      set_of(R"({"kty":"EC","crv":"P-256","kid":"e","x":"AQAB","y":"AQAB"})"),
      set_of(many),
      set_of(rsa) + std::string(300 << 10, ' '),
  };
  for (const std::string& text : cases) {
    auto set = KeySet::parse(text);
    ASSERT_FALSE(set.ok()) << text.substr(0, 200);
    EXPECT_EQ(set.error().code, Errc::invalid_input);
  }
}

}  // namespace
}  // namespace reachback::server
