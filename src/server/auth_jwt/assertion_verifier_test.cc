#include "server/auth_jwt/assertion_verifier.h"

#include <gtest/gtest.h>

#include "server/auth_jwt/assertion_text.h"
#include "server/auth_jwt/token_forge.h"

namespace reachback::server {
namespace {

constexpr std::int64_t kNow_s = 1'800'000'000;
const Timestamp kNow = Timestamp(std::chrono::seconds(kNow_s));
const std::string kClient = "2f48b784-5da5-4e61-9957-012d2630f1e4";
const std::string kUrl =
    "https://rb.example/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token";

std::string url_encoded_with_padding(std::string_view bytes) {
  std::string text = to_base64url(bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

class AssertionTest : public ::testing::Test {
 protected:
  AssertionTest() {
    for (const auto& [name, key] : {std::pair<std::string, std::string>("rsa", rsa_2048().spki()),
                                    {"ec", spki_of_pem(ec_pem_)}}) {
      AppCertificate c;
      c.thumbprint = crypto::sha256(name);
      c.sha1 = std::string(as_bytes(crypto::sha256("sha1 " + name))).substr(0, 20);
      c.public_key = key;
      c.not_before = kNow - std::chrono::hours(1);
      c.not_after = kNow + std::chrono::hours(1);
      certificates_.push_back(c);
    }
    rsa_x5t_ = R"("x5t":")" + to_base64url(certificates_[0].sha1) + "\"";
    ec_x5t_ = R"("x5t":")" + to_base64url(certificates_[1].sha1) + "\"";
  }
  Result<VerifiedAssertion> verify(const std::string& assertion) {
    return verifier_->verify(assertion, terms_, certificates_, kNow);
  }
  // As MSAL makes them, with another header or other claims.
  std::string claims(const std::string& changed = "", const std::string& jti = "1") const {
    const std::string good = R"("iss":")" + kClient + R"(","sub":")" + kClient + R"(","aud":")" +
                             kUrl + R"(","exp":1800000600,"nbf":1800000000,"iat":1800000000)" +
                             R"(,"jti":")" + jti + "\"";
    return "{" + (changed.empty() ? good : changed) + "}";
  }
  std::string rs256(const std::string& header_rest, const std::string& payload) const {
    return forge(R"({"typ":"JWT","alg":"RS256",)" + header_rest + "}", payload,
                 rsa_2048().signer());
  }
  // What is wrong with this claim changed; "" when nothing is.
  std::string refusal(const std::string& name, const std::string& value) {
    std::string text = claims();
    std::size_t at = text.find("\"" + name + "\":");
    std::size_t end = std::min(text.find(',', at), text.size() - 1);
    EXPECT_NE(at, std::string::npos) << name;
    std::string changed = value.empty() ? "\"x\":0" : "\"" + name + "\":" + value;
    text.replace(at, end - at, changed);
    auto verified = verify(rs256(rsa_x5t_, text));
    if (verified) {
      return "";
    }
    EXPECT_EQ(verified.error().code, Errc::invalid_assertion);
    return verified.error().message;
  }

  std::string ec_pem_ = generate_signing_key();
  SigningKey ec_ = *SigningKey::from_pem(ec_pem_);
  std::vector<AppCertificate> certificates_;
  std::string rsa_x5t_, ec_x5t_;
  AssertionTerms terms_{kClient, {"https://other.example/token", kUrl}, std::chrono::hours(24)};
  std::unique_ptr<AssertionVerifier> verifier_ = *AssertionVerifier::create();
};

TEST_F(AssertionTest, each_algorithm_is_taken_with_its_key) {
  auto rs = verify(rs256(rsa_x5t_, claims()));
  ASSERT_TRUE(rs.ok()) << rs.error().message;
  EXPECT_EQ(rs->certificate, certificates_[0].thumbprint);
  EXPECT_EQ(rs->expires, Timestamp(std::chrono::seconds(kNow_s + 600)));
  auto ps = verify(forge(R"({"alg":"PS256",)" + rsa_x5t_ + "}", claims(),
                         rsa_2048().signer("SHA256", RSA_PKCS1_PSS_PADDING)));
  ASSERT_TRUE(ps.ok()) << ps.error().message;
  auto es = verify(forge(R"({"alg":"ES256",)" + ec_x5t_ + "}", claims(), key_signer(ec_)));
  ASSERT_TRUE(es.ok()) << es.error().message;
  EXPECT_EQ(es->certificate, certificates_[1].thumbprint);
}

TEST_F(AssertionTest, a_certificate_is_named_in_every_way_that_clients_do) {
  const AppCertificate& c = certificates_[0];
  const std::string_view sha256 = as_bytes(c.thumbprint);
  std::string upper = to_hex(c.sha1);
  std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
  for (const std::string& name :
       {R"("x5t#S256":")" + to_base64url(sha256) + "\"", R"("x5t":")" + to_base64url(c.sha1) + "\"",
        R"("x5t":")" + url_encoded_with_padding(c.sha1) + "\"",  // MSAL for Python
        R"("x5t":")" + to_base64(c.sha1) + "\"", R"("kid":")" + to_hex(c.sha1) + "\"",
        R"("kid":")" + upper + "\"", R"("kid":")" + to_hex(sha256) + "\"",
        R"("kid":")" + to_base64url(c.sha1) + "\"", R"("kid":")" + to_base64url(sha256) + "\"",
        // The most exact one counts, and what else is in the header does not.
        R"("x5t#S256":")" + to_base64url(sha256) + R"(","x5t":"x","kid":"y")",
        rsa_x5t_ + R"(,"x5c":["MIIB"],"other":1)"}) {
    auto verified = verify(rs256(name, claims()));
    EXPECT_TRUE(verified.ok()) << name << " " << verified.error().message;
  }
}

// Source: trust.md §5.1 12, 14.
TEST_F(AssertionTest, what_is_not_signed_by_a_certificate_of_the_application_gets_one_answer) {
  const std::string good = rs256(rsa_x5t_, claims());
  static const RsaKey stranger(2048);
  std::string changed = good;
  changed[changed.size() - 10] = changed[changed.size() - 10] == 'A' ? 'B' : 'A';
  const std::string pss = R"({"alg":"PS256",)" + rsa_x5t_ + "}";
  std::vector<std::string> rows = {
      changed,
      forge(R"({"alg":"RS256",)" + rsa_x5t_ + "}", claims(), stranger.signer()),
      forge(pss, claims(), rsa_2048().signer()),
      forge(pss, claims(), rsa_2048().signer("SHA256", RSA_PKCS1_PSS_PADDING, 20)),
      forge(R"({"alg":"RS256",)" + rsa_x5t_ + "}", claims(),
            rsa_2048().signer("SHA256", RSA_PKCS1_PSS_PADDING)),
      forge(R"({"alg":"RS256",)" + rsa_x5t_ + "}", claims(), rsa_2048().signer("SHA512")),
      // Another kind of key than the algorithm's.
      forge(R"({"alg":"ES256",)" + rsa_x5t_ + "}", claims(), key_signer(ec_)),
      forge(R"({"alg":"RS256",)" + ec_x5t_ + "}", claims(), rsa_2048().signer()),
      // The other certificate's name, or none.
      forge(R"({"alg":"RS256","typ":"JWT"})", claims(), rsa_2048().signer()),
  };
  for (const char* kid : {"../../etc/passwd", "' OR 1=1 --", "", "rsa", "\\u0000"}) {
    rows.push_back(rs256(std::string(R"("kid":")") + kid + "\"", claims()));
    rows.push_back(rs256(std::string(R"("x5t":")") + kid + "x\"", claims()));
  }
  rows.push_back(rs256(R"("kid":")" + std::string(10'000, 'k') + "\"", claims()));
  rows.push_back(rs256(R"("x5t#S256":"x",)" + rsa_x5t_, claims()));
  for (const std::string& row : rows) {
    auto verified = verify(row);
    ASSERT_FALSE(verified.ok()) << row;
    EXPECT_EQ(verified.error().message, "Client assertion failed signature validation.") << row;
    EXPECT_EQ(verified.error().code, Errc::invalid_assertion);
  }
  auto nobody = verifier_->verify(good, terms_, {}, kNow);
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().message, "Client assertion failed signature validation.");
}

TEST_F(AssertionTest, a_certificate_counts_from_its_first_moment_to_its_last) {
  const std::string good = rs256(rsa_x5t_, claims());
  certificates_[0].not_after = kNow;
  certificates_[0].not_before = kNow;
  EXPECT_TRUE(verify(good).ok());
  certificates_[0].not_after = kNow - Duration(1);
  EXPECT_EQ(verify(good).error().message, "Client assertion failed signature validation.");
  certificates_[0].not_after = kNow + std::chrono::hours(1);
  certificates_[0].not_before = kNow + Duration(1);
  EXPECT_EQ(verify(good).error().message, "Client assertion failed signature validation.");
}

TEST_F(AssertionTest, malformed_ones_are_refused) {
  const std::string good_header = R"({"alg":"RS256",)" + rsa_x5t_ + "}";
  std::vector<std::string> rows = {"",
                                   "x",
                                   "a.b",
                                   "a.b.c.d",
                                   std::string(40'000, 'a'),
                                   forge(R"({"alg":"none",)" + rsa_x5t_ + "}", claims(),
                                         [](std::string_view) { return std::string(); })};
  for (const std::string& header :
       {std::string("[]"), std::string("{"), R"({"alg":"none",)" + rsa_x5t_ + "}",
        R"({"alg":"None",)" + rsa_x5t_ + "}", R"({"alg":"HS256",)" + rsa_x5t_ + "}",
        R"({"alg":"RS512",)" + rsa_x5t_ + "}", "{" + rsa_x5t_ + "}",
        R"({"alg":7,)" + rsa_x5t_ + "}", std::string(R"({"alg":"RS256","x5t":1})"),
        R"({"alg":"RS256","kid":[],)" + rsa_x5t_ + "}",
        R"({"alg":"RS256","crit":[],)" + rsa_x5t_ + "}",
        R"({"alg":"RS256","jku":"https://x",)" + rsa_x5t_ + "}",
        R"({"alg":"RS256","jwk":{},)" + rsa_x5t_ + "}",
        R"({"alg":"RS256","x5u":"x",)" + rsa_x5t_ + "}",
        R"({"alg":"RS256","b64":false,)" + rsa_x5t_ + "}"}) {
    rows.push_back(forge(header, claims(), rsa_2048().signer()));
  }
  for (const char* payload : {"[]", "{}", "x", "{\"iss\":1}"}) {
    rows.push_back(forge(good_header, payload, rsa_2048().signer()));
  }
  for (const std::string& row : rows) {
    auto verified = verify(row);
    ASSERT_FALSE(verified.ok()) << row;
    EXPECT_EQ(verified.error().message,
              "Client assertion is malformed, or not signed with RS256, PS256 or ES256.")
        << row;
  }
}

// Source: trust.md §5.1 13; RFC 7523 §3.
TEST_F(AssertionTest, each_claim_must_be_right_and_says_what_is_wrong) {
  const std::string malformed = "Client assertion is malformed";
  const std::string other_app = "names another application", other = "another audience";
  struct Row {
    std::string name, value, why;  // value: JSON; empty: absent. why: empty: taken
  };
  std::string upper = kUrl;
  std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
  const std::string text = "\"" + kUrl + "\"";
  for (const Row& row :
       std::vector<Row>{{"iss", "", malformed},
                        {"iss", "\"someone\"", other_app},
                        {"sub", "", malformed},
                        {"sub", "\"2f48b784-5da5-4e61-9957-012d2630f1e5\"", other_app},
                        {"sub", "\"2F48B784-5DA5-4E61-9957-012D2630F1E4\"", ""},
                        {"aud", "", malformed},
                        {"aud", "[]", malformed},
                        {"aud", "7", malformed},
                        {"aud", "\"https://login.microsoftonline.com/t/oauth2/v2.0/token\"", other},
                        {"aud", "\"https://rb.example\"", other},
                        {"aud", "\"" + kUrl + "/x\"", other},
                        {"aud", "\"" + kUrl + "//\"", other},
                        {"aud", "\"" + kUrl + "/\"", ""},
                        {"aud", "\"" + upper + "\"", ""},
                        {"aud", "[" + text + "]", ""},
                        {"exp", "", malformed},
                        {"exp", "\"1800000600\"", malformed},
                        {"exp", "-1", malformed},
                        {"exp", "1e999", malformed},
                        {"exp", "1e300", malformed},
                        {"exp", "1800000000", "has expired"},
                        {"exp", "1799999999", "has expired"},
                        {"exp", "1800000000.9", "has expired"},
                        {"exp", "1800000001", ""},
                        {"exp", "1800000600.25", ""},  // MSAL for Python
                        {"exp", "1800086700", ""},     // 24 hours and the clocks' 5 minutes
                        {"exp", "1800086701", "valid for too long"},
                        {"nbf", "", ""},
                        {"nbf", "\"now\"", malformed},
                        {"nbf", "1800000300", ""},
                        {"nbf", "1800000301", "not valid yet"},
                        {"iat", "", ""},
                        {"jti", "", ""},
                        {"jti", "7", malformed}}) {
    std::string why = refusal(row.name, row.value);
    if (row.why.empty()) {
      EXPECT_EQ(why, "") << row.name << " " << row.value;
    } else {
      EXPECT_NE(why.find(row.why), std::string::npos)
          << row.name << " " << row.value << ": " << why;
    }
  }
  EXPECT_TRUE(verify(rs256(rsa_x5t_, R"({"iss":")" + kClient + R"(","sub":")" + kClient +
                                         R"(","aud":["x",")" + kUrl + R"("],"exp":1800000600})"))
                  .ok());
}

// What the claims get wrong is told alike to who has no key: no answer says which application
// exists.
TEST_F(AssertionTest, wrong_claims_get_the_same_answer_with_and_without_a_certificate) {
  std::string late = claims();
  late.replace(late.find("1800000600"), 10, "1700000000");
  const std::string assertion = rs256(rsa_x5t_, late);
  EXPECT_EQ(verify(assertion).error(), verifier_->verify(assertion, terms_, {}, kNow).error());
}

TEST_F(AssertionTest, what_counts_once_is_the_jti_or_without_one_all_that_was_signed) {
  auto use = [&](const std::string& payload) {
    auto verified = verify(rs256(rsa_x5t_, payload));
    EXPECT_TRUE(verified.ok()) << payload;
    return verified ? verified->use : Sha256();
  };
  std::string longer = claims();
  longer.replace(longer.find("1800000600"), 10, "1800000700");
  EXPECT_EQ(use(claims()), use(longer)) << "another assertion under the same jti";
  EXPECT_NE(use(claims()), use(claims("", "2")));
  const std::string without = R"({"iss":")" + kClient + R"(","sub":")" + kClient + R"(","aud":")" +
                              kUrl + R"(","exp":1800000)";
  EXPECT_EQ(use(without + "600}"), use(without + "600}"));
  EXPECT_NE(use(without + "600}"), use(without + "601}"));
  EXPECT_NE(use(without + "600}"), use(claims()));
}

}  // namespace
}  // namespace reachback::server
