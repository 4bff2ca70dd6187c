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
    client({std::move(tenant), std::move(client_id), std::move(client_secret), {}, {}},
           issue_to(std::move(audience), version, std::move(done)));
  }

  void client_assertion(AssertionSignIn request, Done<IssuedToken> done) override {
    client({std::move(request.tenant),
            std::move(request.client_id),
            {},
            std::move(request.assertion),
            std::move(request.token_urls)},
           issue_to(std::move(request.audience), request.version, std::move(done)));
  }

  void client(ClientCredentials credentials, Done<AuthenticatedClient> done) override {
    const std::string tenant = credentials.tenant, client_id = credentials.client_id;
    find_app(tenant, client_id,
             [this, credentials = std::move(credentials), done](Result<App> app) {
               if (!app && app.error().code != Errc::not_found) {
                 done(app.error());
               } else if (!credentials.assertion.empty()) {
                 done(judge_assertion(app, credentials));
               } else if (!credentials.secret.empty()) {
                 done(judge_secret(app, credentials.secret));
               } else {
                 done(judge_public(app));
               }
             });
  }

 private:
  void find_app(const std::string& tenant, const std::string& client_id, Done<App> done) {
    store_.app(TenantId::parse(tenant).value_or(TenantId()),
               AppId::parse(client_id).value_or(AppId()), std::move(done));
  }
  // Goes on with a client that showed who it is: gives it a token of its own.
  Done<AuthenticatedClient> issue_to(std::string audience, TokenVersion version,
                                     Done<IssuedToken> done) {
    return [this, audience = std::move(audience), version,
            done = std::move(done)](Result<AuthenticatedClient> client) {
      if (!client) {
        done(client.error());
        return;
      }
      TokenSpec spec;
      spec.version = version;
      spec.proof = client->proof;
      spec.tenant = client->app.tenant;
      spec.app = client->app.id;
      spec.app_name = client->app.name;
      spec.audience = audience;
      spec.roles = client->app.roles;
      IssuedToken token = issuer_.issue(spec, clock_.now());
      token.certificate = client->certificate;
      done(std::move(token));
    };
  }

  // An unknown application is compared with a secret that nobody has: the same work and the same
  // answer.
  static Result<AuthenticatedClient> judge_secret(const Result<App>& app, const Secret& secret) {
    const Sha256 presented = crypto::sha256(secret.reveal());
    const Sha256 nobody = crypto::sha256("no application has this secret");
    const bool has_secret = app && app->secret.has_value();
    const bool match = crypto::constant_time_equal(as_bytes(presented),
                                                   as_bytes(has_secret ? *app->secret : nobody));
    if (!has_secret || !match) {
      return unknown_client();
    }
    return AuthenticatedClient{*app, ClientProof::secret};
  }

  static Result<AuthenticatedClient> judge_public(const Result<App>& app) {
    if (!app || app->secret || !app->certificates.empty()) {
      return unknown_client();
    }
    return AuthenticatedClient{*app, ClientProof::none};
  }

  // An unknown application is one without certificates: the same work and the same answer.
  Result<AuthenticatedClient> judge_assertion(const Result<App>& known,
                                              const ClientCredentials& credentials) {
    const App app = known ? *known : App();
    AssertionTerms terms{credentials.client_id, credentials.token_urls, limits_.lifetime};
    const Timestamp now = clock_.now();
    RB_TRY_ASSIGN(VerifiedAssertion good,
                  assertions_.verify(credentials.assertion.reveal(), terms, app.certificates, now));
    if (!known) {
      return Error{Errc::internal, "an assertion of an unknown application verified"};
    }
    if (limits_.once) {
      RB_TRY(used_.use(app.tenant, app.id, good.use, good.expires, now));
    }
    return AuthenticatedClient{app, ClientProof::certificate, to_hex(as_bytes(good.certificate))};
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
