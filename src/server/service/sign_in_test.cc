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
  IssuedToken issue(const TenantId&, const AppId& app, std::string_view,
                    const std::vector<std::string>&, std::string_view, Timestamp) override {
    return IssuedToken{"token of " + app.text(), 3599};
  }
  std::string jwks() const override { return "{}"; }
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
      sign_in_->client_credentials(tenant, client, Secret(secret), "https://api", d);
    });
  }

  TenantId tenant_ = *TenantId::from_bytes(std::string(16, 't'));
  TenantId other_tenant_ = *TenantId::from_bytes(std::string(16, 'u'));
  AppId app_ = *AppId::from_bytes(std::string(16, 'a'));
  testing::FakeClock clock_;
  testing::FakeStores stores_;
  EchoIssuer issuer_;
  std::unique_ptr<SignIn> sign_in_ = SignIn::create(stores_.apps(), issuer_, clock_);
};

TEST_F(SignInTest, the_right_secret_gives_a_token) {
  auto token = sign_in(tenant_.text(), app_.text(), "right");
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->access_token, "token of " + app_.text());
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

TEST_F(SignInTest, a_store_that_is_down_is_not_a_wrong_secret) {
  stores_.directory().app_faults().fail_next(Error{Errc::unavailable, "down"});
  EXPECT_EQ(sign_in(tenant_.text(), app_.text(), "right").error().code, Errc::unavailable);
}

}  // namespace
}  // namespace reachback::server
