#include "server/service/user_tokens.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace reachback::server {
namespace {

// So that scanners for secrets know one when they see it.
constexpr std::string_view kPrefix = "rbrt_";

constexpr Duration kAccessKept = std::chrono::hours(2);

Error not_taken() {
  return Error{Errc::invalid_grant,
               "The refresh token is not known, was used, revoked or is over; sign in again"};
}

}  // namespace

std::string UserTokensService::new_refresh_token(const GrantId& grant) {
  return std::string(kPrefix) + to_base64url(std::string(grant.bytes()) + deps_.random.bytes(32));
}

std::optional<GrantId> UserTokensService::grant_of(std::string_view refresh_token) {
  if (!refresh_token.starts_with(kPrefix) || refresh_token.size() > 256) {
    return std::nullopt;
  }
  auto raw = from_base64url(refresh_token.substr(kPrefix.size()));
  return raw && raw->size() == GrantId::kBytes + 32
             ? GrantId::from_bytes(std::string_view(*raw).substr(0, GrantId::kBytes))
             : std::nullopt;
}

UserTokens UserTokensService::make(const App& app, const DelegatedAsk& ask,
                                   const SignedInUser& user, const GrantId& grant,
                                   std::string refresh_token) {
  const Timestamp now = deps_.clock.now();
  TokenSpec spec;
  spec.version = ask.version;
  spec.tenant = ask.tenant;
  spec.app = app.id;
  spec.app_name = app.name;
  spec.audience = ask.audience;
  spec.user = TokenSpec::User{user.id, user.name, ask.scopes, grant};
  UserTokens out;
  out.access = deps_.issuer.issue(spec, now);
  out.refresh_token = std::move(refresh_token);
  if (ask.wants_id_token) {
    out.id_token = deps_.issuer.id_token(
        {ask.version, ask.tenant, app.id, user.id, user.name, ask.nonce, user.at}, now);
  }
  out.scopes = ask.scopes;
  out.audience = ask.audience;
  out.user = user;
  return out;
}

void UserTokensService::issue(const App& app, DelegatedAsk ask, SignedInUser user, GrantId grant,
                              Done<UserTokens> done) {
  std::string refresh_token = ask.wants_refresh ? new_refresh_token(grant) : std::string();
  UserGrant stored;
  stored.tenant = ask.tenant;
  stored.id = grant;
  stored.user = user.id;
  stored.app = app.id;
  stored.scopes = ask.scopes;
  stored.audience = ask.audience;
  stored.token = refresh_token.empty() ? Sha256{} : crypto::sha256(refresh_token);
  stored.created = deps_.clock.now();
  // Without a refresh token it is kept as long as its access token, so that it can be revoked.
  stored.expires = stored.created + (refresh_token.empty() ? kAccessKept : limits_.idle);
  deps_.users.add_grant(std::move(stored),
                        [this, app, ask = std::move(ask), user = std::move(user), grant,
                         refresh_token = std::move(refresh_token),
                         done = std::move(done)](const Result<void>& added) mutable {
                          if (!added) {
                            done(added.error());
                            return;
                          }
                          done(make(app, ask, user, grant, std::move(refresh_token)));
                        });
}

struct UserTokensService::Refreshing {
  App app;
  Sha256 old{};
  GrantId id;
  TokenVersion version = TokenVersion::v2;
  bool wants_id_token = false;
  Done<UserTokens> done;
  UserGrant grant{};
  User user{};
};

void UserTokensService::refresh(const App& app, const Secret& refresh_token, TokenVersion version,
                                bool wants_id_token, Done<UserTokens> done) {
  auto id = grant_of(refresh_token.reveal());
  if (!id) {
    done(not_taken());
    return;
  }
  auto r = std::make_shared<Refreshing>(Refreshing{app, crypto::sha256(refresh_token.reveal()), *id,
                                                   version, wants_id_token, std::move(done)});
  deps_.users.grant(app.tenant, *id, [this, r](Result<UserGrant> grant) {
    // Of another application: nothing is spent and nothing ended by it.
    if (!grant || grant->app != r->app.id) {
      r->done(grant || grant.error().code == Errc::not_found ? not_taken() : grant.error());
      return;
    }
    r->grant = *std::move(grant);
    deps_.users.user(r->grant.tenant, r->grant.user, [this, r](Result<User> user) {
      const bool may = user && !user->disabled && user->valid_from <= r->grant.created;
      if (!may) {
        r->done(user || user.error().code == Errc::not_found ? not_taken() : user.error());
        return;
      }
      r->user = *std::move(user);
      refresh_of(r);
    });
  });
}

void UserTokensService::refresh_of(const std::shared_ptr<Refreshing>& r) {
  const Timestamp now = deps_.clock.now();
  std::string next = new_refresh_token(r->id);
  const Timestamp expires = std::min(now + limits_.idle, r->grant.created + limits_.total);
  deps_.users.refresh_grant(
      r->grant.tenant, r->id, r->old, crypto::sha256(next), now, expires,
      [this, r, next, now](Result<UserGrant> before) {
        if (!before) {
          if (before.error().code == Errc::conflict) {
            deps_.rights.end_grant(r->grant.tenant, r->id, now);
          }
          const Errc code = before.error().code;
          r->done(code == Errc::conflict || code == Errc::not_found ? not_taken() : before.error());
          return;
        }
        // What the application may ask for may have become less since.
        DelegatedAsk ask;
        ask.tenant = before->tenant;
        ask.app = before->app;
        for (const std::string& scope : before->scopes) {
          if (std::find(r->app.scopes.begin(), r->app.scopes.end(), scope) != r->app.scopes.end()) {
            ask.scopes.push_back(scope);
          }
        }
        ask.audience = before->audience;
        ask.wants_id_token = r->wants_id_token;
        ask.version = r->version;
        r->done(make(r->app, ask, {r->user.id, r->user.name, before->created}, r->id, next));
      });
}

void UserTokensService::end(TenantId tenant, GrantId grant, Done<void> done) {
  const Timestamp now = deps_.clock.now();
  deps_.rights.end_grant(tenant, grant, now);  // at once, whatever the disk says
  deps_.users.end_grant(tenant, grant, now, std::move(done));
}

}  // namespace reachback::server
