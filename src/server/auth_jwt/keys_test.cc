#include "server/auth_jwt/keys.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "server/auth_jwt/verifier_fixture.h"

namespace reachback::server {
namespace {

std::string raw(std::string_view base64url) {
  auto out = from_base64url(base64url);
  EXPECT_TRUE(out.has_value()) << base64url;
  return out.value_or("");
}

// Takes the key.
std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free_all(bio);
  EVP_PKEY_free(key);
  return out;
}

constexpr std::string_view kRfcPayload =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";

TEST(Keys, es256_of_rfc_7515_appendix_a3_verifies) {
  auto key = VerificationKey::from_ec(raw("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
                                      raw("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
  ASSERT_TRUE(key.ok());
  std::string message = "eyJhbGciOiJFUzI1NiJ9." + std::string(kRfcPayload);
  std::string signature =
      raw("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  EXPECT_TRUE(key->verify(message, signature));
  EXPECT_FALSE(key->verify(message + "x", signature));
}

TEST(Keys, rs256_of_rfc_7515_appendix_a2_verifies) {
  auto key = VerificationKey::from_rsa(
      raw("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1P"
          "t0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"
          "SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6"
          "_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"),
      raw("AQAB"));
  ASSERT_TRUE(key.ok());
  std::string message = "eyJhbGciOiJSUzI1NiJ9." + std::string(kRfcPayload);
  std::string signature =
      raw("cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8"
          "W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPv"
          "kSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1ph"
          "CnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw");
  EXPECT_TRUE(key->verify(message, signature));
  signature[10] = static_cast<char>(signature[10] ^ 1);
  EXPECT_FALSE(key->verify(message, signature));
}

TEST(Keys, a_generated_key_signs_what_its_public_half_verifies) {
  auto key = SigningKey::from_pem(generate_signing_key());
  ASSERT_TRUE(key.ok());
  for (int i = 0; i < 50; ++i) {  // r or s is shorter than 32 bytes now and then
    std::string message = "message " + std::to_string(i);
    std::string signature = key->sign(message);
    EXPECT_EQ(signature.size(), 64u);
    EXPECT_TRUE(key->verification_key().verify(message, signature));
  }
  EXPECT_EQ(key->kid().size(), 43u);
  EXPECT_NE(key->jwk().find("\"kid\":\"" + key->kid() + "\""), std::string::npos);
  EXPECT_EQ(key->jwk().find("\"d\""), std::string::npos);
}

TEST(Keys, a_generated_rsa_key_signs_what_its_public_half_verifies) {
  const SigningKey& key = own_rsa();
  EXPECT_EQ(key.algorithm(), Algorithm::rs256);
  std::string signature = key.sign("message");
  EXPECT_EQ(signature.size(), 3072u / 8);
  EXPECT_TRUE(key.verification_key().verify("message", signature));
  EXPECT_FALSE(key.verification_key().verify("massage", signature));
  auto published = KeySet::parse(R"({"keys":[)" + key.jwk() + "]}");
  ASSERT_TRUE(published.ok()) << published.error().message;
  ASSERT_NE(published->find(key.kid()), nullptr);
  EXPECT_EQ(published->find(key.kid())->algorithm(), Algorithm::rs256);
  EXPECT_TRUE(published->find(key.kid())->verify("message", signature));
  EXPECT_EQ(key.jwk().find("\"d\""), std::string::npos);
}

TEST(Keys, the_id_of_a_key_is_its_thumbprint) {  // RFC 7638 §3.2
  for (const SigningKey& key : {*SigningKey::from_pem(generate_signing_key()), own_rsa()}) {
    json::Object jwk = json::parse(key.jwk())->as_object();
    std::string members;
    for (const char* name : {"crv", "e", "kty", "n", "x", "y"}) {  // in the order of the alphabet
      if (jwk.contains(name)) {
        members += (members.empty() ? "" : ",") + ('"' + std::string(name)) +
                   "\":" + json::write(jwk[name]);
      }
    }
    EXPECT_EQ(key.kid(), to_base64url(as_bytes(crypto::sha256("{" + members + "}"))));
    EXPECT_EQ(std::string(jwk["kid"].as_string()), key.kid());
    EXPECT_EQ(std::string(jwk["alg"].as_string()), to_string(key.algorithm()));
    EXPECT_EQ(jwk["use"], "sig");
  }
}

TEST(Keys, a_seal_is_of_one_key_and_one_payload) {
  SigningKey ec = *SigningKey::from_pem(generate_signing_key());
  for (const SigningKey& key : {ec, own_rsa()}) {
    const SigningKey& other = key.algorithm() == Algorithm::es256 ? own_rsa() : ec;
    std::string seal = key.seal("payload");
    EXPECT_EQ(seal.size(), 22u);
    EXPECT_TRUE(key.is_sealed("payload", seal));
    EXPECT_FALSE(key.is_sealed("payloae", seal));
    EXPECT_FALSE(key.is_sealed("payload", ""));
    EXPECT_FALSE(other.is_sealed("payload", seal));
  }
}

TEST(Keys, private_keys_of_other_kinds_do_not_sign_tokens) {
  EXPECT_EQ(SigningKey::from_pem(pem_of(EVP_RSA_gen(2048)))->algorithm(), Algorithm::rs256);
  for (EVP_PKEY* other : {EVP_RSA_gen(1024), EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"),
                          EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
                          EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")}) {
    auto key = SigningKey::from_pem(pem_of(other));
    ASSERT_FALSE(key.ok());
    EXPECT_EQ(key.error().code, Errc::invalid_input);
  }
}

TEST(Keys, signatures_of_wrong_form_are_refused) {
  auto key = SigningKey::from_pem(generate_signing_key());
  ASSERT_TRUE(key.ok());
  std::string good = key->sign("m");
  const VerificationKey& verifier = key->verification_key();
  EXPECT_FALSE(verifier.verify("m", ""));
  EXPECT_FALSE(verifier.verify("m", good.substr(0, 63)));
  EXPECT_FALSE(verifier.verify("m", good + '\0'));
  EXPECT_FALSE(verifier.verify("m", std::string(64, '\0')));  // CVE-2022-21449
  EXPECT_FALSE(verifier.verify("m", std::string(64, '\xff')));
}

TEST(Keys, a_key_id_is_the_same_for_the_same_key) {
  std::string pem = generate_signing_key();
  EXPECT_EQ(SigningKey::from_pem(pem)->kid(), SigningKey::from_pem(pem)->kid());
  EXPECT_NE(SigningKey::from_pem(pem)->kid(), SigningKey::from_pem(generate_signing_key())->kid());
}

TEST(Keys, an_unreadable_private_key_is_an_error) {
  EXPECT_EQ(SigningKey::from_pem("").error().code, Errc::invalid_input);
  EXPECT_EQ(SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
                .error()
                .code,
            Errc::invalid_input);
}

TEST(Keys, points_that_are_not_on_the_curve_are_refused) {
  std::string x = raw("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
  EXPECT_FALSE(VerificationKey::from_ec(x, x).ok());
  EXPECT_FALSE(VerificationKey::from_ec(std::string(32, '\0'), std::string(32, '\0')).ok());
  EXPECT_FALSE(VerificationKey::from_ec(x.substr(1), x).ok());
  EXPECT_FALSE(VerificationKey::from_ec("", "").ok());
}

TEST(Keys, weak_rsa_keys_are_refused) {
  RsaKey small(1024);
  EXPECT_FALSE(VerificationKey::from_rsa(small.n(), small.e()).ok());
  std::string n = rsa_2048().n();
  EXPECT_TRUE(VerificationKey::from_rsa(n, rsa_2048().e()).ok());
  EXPECT_FALSE(VerificationKey::from_rsa(n, "\x01").ok());
  EXPECT_FALSE(VerificationKey::from_rsa(n, "\x02").ok());
  EXPECT_FALSE(VerificationKey::from_rsa(n, "").ok());
  EXPECT_FALSE(VerificationKey::from_rsa("", "\x03").ok());
  EXPECT_FALSE(VerificationKey::from_rsa(std::string(1025, '\xff'), "\x03").ok());
  n.back() = static_cast<char>(n.back() ^ 1);
  EXPECT_FALSE(VerificationKey::from_rsa(n, rsa_2048().e()).ok());
}

}  // namespace
}  // namespace reachback::server
