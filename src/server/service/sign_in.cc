#include "server/service/sign_in.h"

#include "crypto/digest.h"
#include "server/service/texts.h"
#include "server/service/used_assertions.h"

namespace reachback::server {
namespace {

class SignInService : public SignIn {
 public:
  SignInService(AppStore& store, const ClientAssertions& assertions, TokenIssuer& issuer,
                Clock& clock, AssertionLimits limits)
      : store_(store),
        assertions_(assertions),
        issuer_(issuer),
        clock_(clock),
        limits_(limits),
        used_(limits.remembered_per_app) {}

  void client_credentials(std::string tenant, std::string client_id, Secret client_secret,
                          std::string audience, TokenVersion version,
                          Done<IssuedToken> done) override {
    Sha256 presented = crypto::sha256(client_secret.reveal());
    // An unknown application is compared with a secret that nobody has: the same work and the same
    // answer.
    find_app(tenant, client_id,
             [this, presented, audience = std::move(audience), version, done](Result<App> app) {
               if (!app && app.error().code != Errc::not_found) {
                 done(app.error());
                 return;
               }
               Sha256 nobody = crypto::sha256("no application has this secret");
               bool has_secret = app && app->secret.has_value();
               bool match = crypto::constant_time_equal(
                   as_bytes(presented), as_bytes(has_secret ? *app->secret : nobody));
               if (!has_secret || !match) {
                 done(unknown_client());
                 return;
               }
               done(issue(*app, audience, version, ClientProof::secret));
             });
  }

  void client_assertion(AssertionSignIn request, Done<IssuedToken> done) override {
    const std::string tenant = request.tenant, client_id = request.client_id;
    // An unknown application is one without certificates: the same work and the same answer.
    find_app(tenant, client_id, [this, request = std::move(request), done](Result<App> app) {
      if (!app && app.error().code != Errc::not_found) {
        done(app.error());
        return;
      }
      done(judge(app ? *app : App(), app.ok(), request));
    });
  }

 private:
  void find_app(const std::string& tenant, const std::string& client_id, Done<App> done) {
    store_.app(TenantId::parse(tenant).value_or(TenantId()),
               AppId::parse(client_id).value_or(AppId()), std::move(done));
  }
  IssuedToken issue(const App& app, const std::string& audience, TokenVersion version,
                    ClientProof proof) {
    TokenSpec spec;
    spec.version = version;
    spec.proof = proof;
    spec.tenant = app.tenant;
    spec.app = app.id;
    spec.app_name = app.name;
    spec.audience = audience;
    spec.roles = app.roles;
    return issuer_.issue(spec, clock_.now());
  }

  Result<IssuedToken> judge(const App& app, bool known, const AssertionSignIn& request) {
    AssertionTerms terms{request.client_id, request.token_urls, limits_.lifetime};
    const Timestamp now = clock_.now();
    RB_TRY_ASSIGN(VerifiedAssertion good,
                  assertions_.verify(request.assertion.reveal(), terms, app.certificates, now));
    if (!known) {
      return Error{Errc::internal, "an assertion of an unknown application verified"};
    }
    if (limits_.once) {
      RB_TRY(used_.use(app.tenant, app.id, good.use, good.expires, now));
    }
    IssuedToken token = issue(app, request.audience, request.version, ClientProof::certificate);
    token.certificate = to_hex(as_bytes(good.certificate));
    return token;
  }

  AppStore& store_;
  const ClientAssertions& assertions_;
  TokenIssuer& issuer_;
  Clock& clock_;
  const AssertionLimits limits_;
  UsedAssertions used_;
};

}  // namespace

std::unique_ptr<SignIn> SignIn::create(AppStore& store, const ClientAssertions& assertions,
                                       TokenIssuer& issuer, Clock& clock, AssertionLimits limits) {
  return std::make_unique<SignInService>(store, assertions, issuer, clock, limits);
}

}  // namespace reachback::server
