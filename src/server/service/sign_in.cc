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
    identify(
        tenant, client_id,
        // An empty one, too: a public client gets no token of its own.
        [secret = std::move(client_secret)](const Result<App>& app) {
          return judge_secret(app, secret);
        },
        issue_to(std::move(audience), version, std::move(done)));
  }

  void client_assertion(AssertionSignIn request, Done<IssuedToken> done) override {
    const std::string tenant = request.tenant, client_id = request.client_id;
    auto then = issue_to(request.audience, request.version, std::move(done));
    identify(
        tenant, client_id,
        [this, request = std::move(request)](const Result<App>& app) {
          return judge_assertion(app, request.client_id, request.assertion, request.token_urls);
        },
        std::move(then));
  }

  void client(ClientCredentials credentials, Done<AuthenticatedClient> done) override {
    const std::string tenant = credentials.tenant, client_id = credentials.client_id;
    identify(
        tenant, client_id,
        [this, credentials = std::move(credentials)](const Result<App>& app) {
          if (!credentials.assertion.empty()) {
            return judge_assertion(app, credentials.client_id, credentials.assertion,
                                   credentials.token_urls);
          }
          return credentials.secret.empty() ? judge_public(app)
                                            : judge_secret(app, credentials.secret);
        },
        std::move(done));
  }

 private:
  // judge: of the application, or not_found.
  void identify(const std::string& tenant, const std::string& client_id,
                std::function<Result<AuthenticatedClient>(const Result<App>&)> judge,
                Done<AuthenticatedClient> done) {
    store_.app(TenantId::parse(tenant).value_or(TenantId()),
               AppId::parse(client_id).value_or(AppId()),
               [judge = std::move(judge), done = std::move(done)](const Result<App>& app) {
                 if (!app && app.error().code != Errc::not_found) {
                   done(app.error());
                 } else {
                   done(judge(app));
                 }
               });
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
                                              const std::string& client_id, const Secret& assertion,
                                              const std::vector<std::string>& token_urls) {
    const App app = known ? *known : App();
    const AssertionTerms terms{client_id, token_urls, limits_.lifetime};
    const Timestamp now = clock_.now();
    RB_TRY_ASSIGN(VerifiedAssertion good,
                  assertions_.verify(assertion.reveal(), terms, app.certificates, now));
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
