#include "server/service/sign_in.h"

#include "crypto/digest.h"
#include "server/service/texts.h"

namespace reachback::server {
namespace {

class SignInService : public SignIn {
 public:
  SignInService(AppStore& store, TokenIssuer& issuer, Clock& clock)
      : store_(store), issuer_(issuer), clock_(clock) {}

  void client_credentials(std::string tenant, std::string client_id, Secret client_secret,
                          std::string audience, Done<IssuedToken> done) override {
    auto tenant_id = TenantId::parse(tenant);
    auto app_id = AppId::parse(client_id);
    Sha256 presented = crypto::sha256(client_secret.reveal());
    // An unknown application is compared with a secret that nobody has: the same work and the same
    // answer.
    store_.app(
        tenant_id.value_or(TenantId()), app_id.value_or(AppId()),
        [this, presented, audience = std::move(audience), done](Result<App> app) {
          if (!app && app.error().code != Errc::not_found) {
            done(app.error());
            return;
          }
          Sha256 nobody = crypto::sha256("no application has this secret");
          bool match = crypto::constant_time_equal(as_bytes(presented),
                                                   as_bytes(app ? app->secret : nobody));
          if (!app || !match) {
            done(unknown_client());
            return;
          }
          done(issuer_.issue(app->tenant, app->id, app->name, app->roles, audience, clock_.now()));
        });
  }

 private:
  AppStore& store_;
  TokenIssuer& issuer_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<SignIn> SignIn::create(AppStore& store, TokenIssuer& issuer, Clock& clock) {
  return std::make_unique<SignInService>(store, issuer, clock);
}

}  // namespace reachback::server
