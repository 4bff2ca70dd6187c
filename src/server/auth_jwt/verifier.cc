#include "server/auth_jwt/verifier.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "server/auth_jwt/issuer.h"

namespace reachback::server {
namespace {

using std::chrono::seconds;

constexpr seconds kLeeway{60};                      // clocks of two hosts; Source: trust.md T09
constexpr seconds kOwnLifetimeMax{3600};            // Source: trust.md T09
constexpr seconds kExternalLifetimeMax{24 * 3600};  // nothing revokes them before that
constexpr std::chrono::minutes kVerdictLifetime{5};

Error refused(const char* why) {
  return Error{Errc::unauthenticated, std::string("The access token ") + why};
}
Error malformed() {
  return refused("is malformed");
}
// One text for unknown issuer, unknown key, wrong algorithm and bad signature.
Error untrusted() {
  return refused("is not signed by a trusted key");
}
Error wrong_audience() {
  return Error{Errc::forbidden, "The access token is for another audience"};
}

// It is shown, logged, and part of the signed order: text that an order can carry, and one line.
bool is_requestor(std::string_view text) {
  return !text.empty() && text.size() <= kRequestorBytesMax && is_valid_utf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Timestamp at_second(std::int64_t s) {
  return Timestamp(seconds(s));
}

bool is_type(std::string_view typ, bool own) {
  if (own) {
    return typ == "at+jwt";
  }
  return equals_ignore_case(typ, "at+jwt") || equals_ignore_case(typ, "application/at+jwt") ||
         equals_ignore_case(typ, "JWT");
}

bool is_sealed(const std::vector<SigningKey>& keys, const TokenHeader& header,
               std::string_view payload) {
  return std::any_of(keys.begin(), keys.end(), [&](const SigningKey& key) {
    return key.kid() == header.kid && key.is_sealed(payload, header.seal);
  });
}

Result<void> check_times(const TokenClaims& claims, seconds lifetime_max, Timestamp now) {
  if (claims.iat >= claims.exp || claims.exp - claims.iat > lifetime_max.count()) {
    return refused("has a lifetime that is not accepted");
  }
  if (now >= at_second(claims.exp)) {
    return refused("has expired");
  }
  if (std::max(claims.iat, claims.nbf.value_or(0)) > to_micros(now + kLeeway) / 1'000'000) {
    return refused("is not valid yet");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<JwtVerifier>> JwtVerifier::create(VerifierOptions options,
                                                         const AudienceList& audiences) {
  std::unique_ptr<JwtVerifier> out(new JwtVerifier(options, audiences));
  for (ExternalIssuer& external : options.external) {
    if (external.issuer.empty() || external.audiences.empty()) {
      return Error{Errc::invalid_input,
                   "issuer '" + external.issuer + "': needs a name and at least one audience"};
    }
    if (external.issuer.starts_with(out->public_url_ + "/") ||
        external.issuer == out->public_url_) {
      return Error{Errc::invalid_input,
                   "issuer '" + external.issuer + "': is this server's own address"};
    }
    if (!out->by_name_.emplace(external.issuer, out->issuers_.size()).second) {
      return Error{Errc::invalid_input, "issuer '" + external.issuer + "': is named twice"};
    }
    out->issuers_.push_back(std::make_unique<Issuer>(std::move(external)));
  }
  return out;
}

JwtVerifier::JwtVerifier(VerifierOptions options, const AudienceList& audiences)
    : public_url_(std::move(options.public_url)),
      audiences_(audiences),
      on_unknown_key_(std::move(options.on_unknown_key)),
      cache_(options.verdicts_max) {
  if (public_url_.ends_with('/')) {
    public_url_.pop_back();
  }
  issuers_.push_back(std::make_unique<Issuer>(ExternalIssuer()));
  set_own_keys(std::move(options.own_keys));
}

std::shared_ptr<const JwtVerifier::Keys> JwtVerifier::Issuer::current() const {
  ReadLock lock(mutex);
  return keys;
}

void JwtVerifier::Issuer::replace(Keys next) {
  auto fresh = std::make_shared<const Keys>(std::move(next));
  WriteLock lock(mutex);
  keys = std::move(fresh);
  generation.fetch_add(1, std::memory_order_release);
}

void JwtVerifier::set_own_keys(std::vector<SigningKey> keys) {
  Keys next;
  for (const SigningKey& key : keys) {
    next.set.add(key.kid(), key.verification_key());
  }
  next.own = std::move(keys);
  issuers_[0]->replace(std::move(next));
}

Result<void> JwtVerifier::set_jwks(std::string_view issuer, std::string_view jwks) {
  auto at = by_name_.find(issuer);
  if (at == by_name_.end()) {
    return Error{Errc::not_found, "issuer '" + std::string(issuer) + "' is not configured"};
  }
  auto parsed = KeySet::parse(jwks);
  if (!parsed) {
    return parsed.error().in("issuer '" + std::string(issuer) + "'");
  }
  issuers_[at->second]->replace(Keys{std::move(*parsed), {}});
  return {};
}

Result<Principal> JwtVerifier::verify(std::string_view token, Timestamp now) {
  if (token.size() > kTokenBytesMax) {
    return malformed();
  }
  Sha256 digest = crypto::sha256(token);
  if (auto known = cache_.find(digest); known && is_current(*known, now)) {
    if (known->app && is_revoked(*known->app, known->issued)) {
      return refused("was revoked");
    }
    return known->principal;
  }
  RB_TRY_ASSIGN(Verdict verdict, judge(token, now));
  // Asked after the signature: a revocation that comes while we work is seen here or on the hit.
  if (verdict.app && is_revoked(*verdict.app, verdict.issued)) {
    return refused("was revoked");
  }
  Principal principal = verdict.principal;
  cache_.put(digest, std::make_shared<const Verdict>(std::move(verdict)));
  return principal;
}

Result<Verdict> JwtVerifier::judge(std::string_view token, Timestamp now) const {
  auto text = split_token(token);
  auto header = text ? parse_token_header(text->header) : std::nullopt;
  if (!header) {
    return malformed();
  }
  auto algorithm = parse_algorithm(header->alg);
  // Unverified claims choose the issuer whose keys are tried, and nothing else.
  auto claims = parse_token_claims(text->payload);
  if (!claims) {
    return malformed();
  }
  const std::optional<TokenVersion> own = own_version(*claims);
  std::size_t index = 0;
  if (!own) {
    auto at = by_name_.find(claims->iss);
    if (at == by_name_.end()) {
      return untrusted();
    }
    index = at->second;
  }
  const Issuer& issuer = *issuers_[index];
  std::uint64_t generation = issuer.generation.load(std::memory_order_acquire);
  std::shared_ptr<const Keys> keys = issuer.current();
  const VerificationKey* key = keys->set.find(header->kid);
  if (key == nullptr && !own && on_unknown_key_) {
    on_unknown_key_(claims->iss);
  }
  if (key == nullptr || algorithm != key->algorithm() || !is_type(header->typ, own.has_value()) ||
      (own && !is_sealed(keys->own, *header, text->payload_part)) ||
      !key->verify(text->signed_part, text->signature)) {
    return untrusted();
  }
  RB_TRY(check_times(*claims, own ? kOwnLifetimeMax : kExternalLifetimeMax, now));
  RB_TRY_ASSIGN(Verdict verdict, own ? judge_own(*claims, *own)
                                     : judge_external(*claims, text->payload, issuer.config));
  verdict.valid_from = at_second(std::max(claims->iat, claims->nbf.value_or(0))) - kLeeway;
  verdict.valid_until = std::min(at_second(claims->exp), now + kVerdictLifetime);
  verdict.issuer = index;
  verdict.keys_generation = generation;
  verdict.principal.expires = at_second(claims->exp);
  verdict.principal.token_id = claims->jti;
  return verdict;
}

std::optional<TokenVersion> JwtVerifier::own_version(const TokenClaims& claims) const {
  auto tenant = TenantId::parse(claims.tid);
  for (TokenVersion version : {TokenVersion::v1, TokenVersion::v2}) {
    if (tenant && claims.iss == own_issuer(public_url_, *tenant, version)) {
      return version;
    }
  }
  return std::nullopt;
}

Result<Verdict> JwtVerifier::judge_own(const TokenClaims& claims, TokenVersion version) const {
  const bool v1 = version == TokenVersion::v1;
  const std::string& name = v1 ? claims.upn : claims.preferred_username;
  auto app = AppId::parse(claims.appid);
  const bool delegated = claims.scp.has_value();
  auto user = UserId::parse(claims.oid);
  auto grant = GrantId::parse(claims.sid);
  if (!app || claims.ver != (v1 ? "1.0" : "2.0") || claims.jti.empty() || !claims.iat_us ||
      claims.sub != (delegated ? claims.oid : claims.appid) ||
      (delegated && (!user || !grant || !is_requestor(name)))) {
    return malformed();
  }
  if (claims.aud.size() != 1 || !audiences_.accepts(claims.aud[0])) {
    return wrong_audience();
  }
  Verdict out;
  out.app = app;
  out.issued = from_micros(*claims.iat_us);
  out.principal.application = app->text();
  out.principal.tenant = *TenantId::parse(claims.tid);
  if (delegated) {
    out.principal.delegated = true;
    out.principal.caller = app->text() + "|" + user->text();
    out.principal.requestor = name;
    out.principal.user = UserToken{*user, *grant, out.issued};
    for (const std::string& scope : *claims.scp) {
      out.principal.permissions |= permission_of_scope(scope);
    }
    return out;
  }
  out.principal.caller = app->text();
  out.principal.requestor = app->text();
  for (const std::string& role : claims.roles) {
    out.principal.permissions |= permission_of_role(role);
  }
  return out;
}

Result<Verdict> JwtVerifier::judge_external(const TokenClaims& claims, std::string_view payload,
                                            const ExternalIssuer& issuer) const {
  bool meant_for_us =
      std::any_of(claims.aud.begin(), claims.aud.end(), [&issuer](const std::string& aud) {
        return std::find(issuer.audiences.begin(), issuer.audiences.end(), aud) !=
               issuer.audiences.end();
      });
  if (!meant_for_us) {
    return wrong_audience();
  }
  auto caller = map_claims(issuer.claims, claims, payload);
  if (!caller) {
    return malformed();
  }
  Verdict out;
  out.issued = at_second(claims.iat);
  out.principal.tenant = issuer.tenant;
  out.principal.application = claims.appid;
  out.principal.delegated = caller->delegated;
  out.principal.caller = claims.iss + "|" + claims.sub;
  out.principal.requestor = std::move(caller->requestor);
  out.principal.permissions = caller->permissions;
  if (!is_requestor(out.principal.requestor) || !is_requestor(claims.sub)) {
    return refused("names nobody, or with a name that cannot be shown");
  }
  return out;
}

bool JwtVerifier::is_current(const Verdict& verdict, Timestamp now) const {
  return now >= verdict.valid_from && now < verdict.valid_until &&
         verdict.keys_generation ==
             issuers_[verdict.issuer]->generation.load(std::memory_order_acquire);
}

bool JwtVerifier::is_revoked(const AppId& app, Timestamp issued) const {
  if (!any_revoked_.load(std::memory_order_acquire)) {
    return false;
  }
  ReadLock lock(revoked_mutex_);
  auto at = revoked_.find(app);
  return at != revoked_.end() && issued < at->second;
}

void JwtVerifier::revoke_app(const AppId& app, Timestamp now) {
  WriteLock lock(revoked_mutex_);
  // Older ones concern only tokens that have expired, whatever a clock set back by minutes thinks.
  std::erase_if(revoked_,
                [now](const auto& entry) { return entry.second + 2 * kOwnLifetimeMax < now; });
  Timestamp& moment = revoked_[app];
  moment = std::max(moment, now);
  any_revoked_.store(true, std::memory_order_release);
}

}  // namespace reachback::server
