#include "server/service/sign_in.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "testing/fake_clock.h"
#include "testing/fake_stores.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

class EchoIssuer : public TokenIssuer {
 public:
  IssuedToken issue(const TokenSpec& spec, Timestamp) override {
    last = spec;
    return IssuedToken{"token of " + spec.app.text(), 3599};
  }
  std::string id_token(const IdTokenSpec&, Timestamp) override { return ""; }
  std::string jwks() const override { return "{}"; }
  std::vector<std::string> algorithms() const override { return {}; }
  TokenSpec last;
};

// An assertion of "JTI" is signed by the first certificate that its client has; what it says is
// taken for right. Anything else is not taken.
class EchoAssertions : public ClientAssertions {
 public:
  Result<VerifiedAssertion> verify(std::string_view assertion, const AssertionTerms& terms,
                                   const std::vector<AppCertificate>& certificates,
                                   Timestamp now) const override {
    ++calls;
    last_terms = terms;
    if (certificates.empty() || assertion == "bad") {
      return Error{Errc::invalid_assertion, "not signed by it"};
    }
    return VerifiedAssertion{crypto::sha256(assertion), now + std::chrono::minutes(10),
                             certificates.front().thumbprint};
  }
  mutable int calls = 0;
  mutable AssertionTerms last_terms;
};

class SignInTest : public ::testing::Test {
 protected:
  SignInTest() {
    for (const Tenant& t : {Tenant{tenant_, "a"}, Tenant{other_tenant_, "b"}}) {
      EXPECT_TRUE(wait_for([&](auto d) { stores_.apps().add_tenant(t, d); }).ok());
    }
    App app;
    app.tenant = tenant_;
    app.id = app_;
    app.name = "Triage";
    app.secret = crypto::sha256("right");
    app.created = clock_.now();
    EXPECT_TRUE(wait_for([&](auto d) { stores_.apps().add_app(app, d); }).ok());
  }
  Result<IssuedToken> sign_in(const std::string& tenant, const std::string& client,
                              const std::string& secret) {
    return wait_for<IssuedToken>([&](auto d) {
      sign_in_->client_credentials(tenant, client, Secret(secret), "https://api", version_, d);
    });
  }

  static constexpr Duration kLifetime = std::chrono::hours(24);
  void add_certificate() {
    AppCertificate c;
    c.thumbprint = crypto::sha256("certificate");
    c.sha1 = std::string(20, 's');
    c.public_key = "key";
    EXPECT_TRUE(
        wait_for([&](auto d) { stores_.apps().add_certificate(tenant_, app_, c, 10, d); }).ok());
  }
  Result<IssuedToken> sign_in_by(SignIn& service, const std::string& tenant,
                                 const std::string& client, const std::string& assertion) {
    return wait_for<IssuedToken>([&](auto d) {
      service.client_assertion(
          {tenant, client, Secret(assertion), {"https://token"}, "https://api", version_}, d);
    });
  }
  Result<IssuedToken> sign_in_by(const std::string& assertion) {
    return sign_in_by(*sign_in_, tenant_.text(), app_.text(), assertion);
  }

  TenantId tenant_ = *TenantId::from_bytes(std::string(16, 't'));
  TenantId other_tenant_ = *TenantId::from_bytes(std::string(16, 'u'));
  AppId app_ = *AppId::from_bytes(std::string(16, 'a'));
  testing::FakeClock clock_;
  testing::FakeStores stores_;
  TokenVersion version_ = TokenVersion::v2;
  EchoIssuer issuer_;
  EchoAssertions assertions_;
  std::unique_ptr<SignIn> sign_in_ =
      SignIn::create(stores_.apps(), assertions_, issuer_, clock_, {kLifetime, 2});
};

TEST_F(SignInTest, the_right_secret_gives_a_token) {
  auto token = sign_in(tenant_.text(), app_.text(), "right");
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->access_token, "token of " + app_.text());
}

TEST_F(SignInTest, a_token_is_made_for_the_address_that_was_called_and_the_proof_that_was_given) {
  add_certificate();
  for (TokenVersion version : {TokenVersion::v1, TokenVersion::v2}) {
    version_ = version;
    ASSERT_TRUE(sign_in(tenant_.text(), app_.text(), "right").ok());
    EXPECT_EQ(issuer_.last.version, version);
    EXPECT_EQ(issuer_.last.proof, ClientProof::secret);
    ASSERT_TRUE(sign_in_by(version == TokenVersion::v1 ? "one" : "two").ok());
    EXPECT_EQ(issuer_.last.version, version);
    EXPECT_EQ(issuer_.last.proof, ClientProof::certificate);
  }
}

// Source: trust.md §5.1.6 and §5.1.7: nobody learns which application exists.
TEST_F(SignInTest, an_unknown_client_and_a_wrong_secret_get_one_answer) {
  const std::string unknown = AppId::from_bytes(std::string(16, 'z'))->text();
  const std::string rows[][3] = {
      {tenant_.text(), app_.text(), "wrong"},
      {tenant_.text(), app_.text(), ""},
      {tenant_.text(), unknown, "right"},
      {other_tenant_.text(), app_.text(), "right"},
      {TenantId::from_bytes(std::string(16, 'z'))->text(), app_.text(), "right"},
      {"not a tenant", app_.text(), "right"},
      {tenant_.text(), "not an application", "right"},
      {tenant_.text(), unknown, "no application has this secret"},
  };
  for (const auto& row : rows) {
    auto token = sign_in(row[0], row[1], row[2]);
    ASSERT_FALSE(token.ok()) << row[0] << " " << row[1];
    EXPECT_EQ(token.error().code, Errc::invalid_client);
    EXPECT_EQ(token.error().message, "Invalid client secret provided.");
  }
}

TEST_F(SignInTest, nothing_opens_an_application_without_a_secret) {
  App app;
  app.tenant = tenant_;
  app.id = *AppId::from_bytes(std::string(16, 'n'));
  app.name = "No secret";
  app.created = clock_.now();
  ASSERT_TRUE(wait_for([&](auto d) { stores_.apps().add_app(app, d); }).ok());
  for (const char* secret : {"", "right", "no application has this secret"}) {
    auto token = sign_in(tenant_.text(), app.id.text(), secret);
    ASSERT_FALSE(token.ok());
    EXPECT_EQ(token.error(), sign_in(tenant_.text(), app_.text(), "wrong").error());
  }
}

TEST_F(SignInTest, an_assertion_gives_a_token_that_names_its_certificate) {
  add_certificate();
  auto token = sign_in_by("one");
  ASSERT_TRUE(token.ok()) << token.error().message;
  EXPECT_EQ(token->access_token, "token of " + app_.text());
  EXPECT_EQ(token->certificate, to_hex(as_bytes(crypto::sha256("certificate"))));
  EXPECT_EQ(assertions_.last_terms.client_id, app_.text());
  EXPECT_EQ(assertions_.last_terms.token_urls, std::vector<std::string>{"https://token"});
  EXPECT_EQ(assertions_.last_terms.lifetime_max, kLifetime);
}

TEST_F(SignInTest, an_unknown_client_is_judged_as_one_without_certificates) {
  auto without = sign_in_by("one");
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().code, Errc::invalid_assertion);
  add_certificate();
  const std::string unknown = AppId::from_bytes(std::string(16, 'z'))->text();
  const std::pair<std::string, std::string> rows[] = {{tenant_.text(), unknown},
                                                      {other_tenant_.text(), app_.text()},
                                                      {"not a tenant", app_.text()},
                                                      {tenant_.text(), "../../etc/passwd"}};
  for (const auto& [tenant, client] : rows) {
    int before = assertions_.calls;
    auto token = sign_in_by(*sign_in_, tenant, client, "one");
    ASSERT_FALSE(token.ok()) << client;
    EXPECT_EQ(token.error(), without.error());
    EXPECT_EQ(assertions_.calls, before + 1) << "the same work";
  }
}

// Source: trust.md §5.1 13.
TEST_F(SignInTest, an_assertion_counts_once_and_a_refused_one_is_not_remembered) {
  add_certificate();
  EXPECT_EQ(sign_in_by("bad").error().code, Errc::invalid_assertion);
  ASSERT_TRUE(sign_in_by("one").ok());
  auto again = sign_in_by("one");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, Errc::invalid_assertion);
  EXPECT_NE(again.error().message.find("used before"), std::string::npos);
  EXPECT_TRUE(sign_in_by("two").ok());
  EXPECT_EQ(sign_in_by("three").error().code, Errc::too_many_requests);
  clock_.advance(std::chrono::minutes(10));
  EXPECT_TRUE(sign_in_by("three").ok());
}

TEST_F(SignInTest, by_setting_an_assertion_counts_until_it_expires) {
  add_certificate();
  auto lenient =
      SignIn::create(stores_.apps(), assertions_, issuer_, clock_, {kLifetime, 2, /*once=*/false});
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(sign_in_by(*lenient, tenant_.text(), app_.text(), "one").ok());
  }
}

TEST_F(SignInTest, a_store_that_is_down_is_not_a_bad_assertion) {
  stores_.directory().app_faults().fail_next(Error{Errc::unavailable, "down"});
  EXPECT_EQ(sign_in_by("one").error().code, Errc::unavailable);
}

TEST_F(SignInTest, a_store_that_is_down_is_not_a_wrong_secret) {
  stores_.directory().app_faults().fail_next(Error{Errc::unavailable, "down"});
  EXPECT_EQ(sign_in(tenant_.text(), app_.text(), "right").error().code, Errc::unavailable);
}

}  // namespace
}  // namespace reachback::server
