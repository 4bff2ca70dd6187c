// Checks access tokens: our own and those of trusted external issuers.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "server/auth_jwt/audiences.h"
#include "server/auth_jwt/claim_mapping.h"
#include "server/auth_jwt/key_set.h"
#include "server/auth_jwt/keys.h"
#include "server/auth_jwt/token_text.h"
#include "server/auth_jwt/verdict_cache.h"
#include "server/ports/tokens.h"

namespace reachback::server {

// An issuer elsewhere whose tokens count here, for one tenant.
struct ExternalIssuer {
  std::string issuer;  // exactly as in `iss`
  TenantId tenant;
  std::vector<std::string> audiences;  // exactly as in `aud`; at least one
  ClaimMapping claims{};
};

struct VerifierOptions {
  std::string public_url;
  std::vector<SigningKey> own_keys;  // the present one and those whose tokens may still be around
  std::vector<ExternalIssuer> external;
  std::size_t verdicts_max = 10'000;
  // A token names a key that this external issuer is not known to have. Any thread, for every such
  // token, whoever made it: cheap, and never calls back.
  std::function<void(const std::string& issuer)> on_unknown_key{};
};

// What the checks demand beyond a good signature:
// ours: typ at+jwt, the key's algorithm, the exact issuer of the tenant in `tid` for the version in
// `ver`, `appid` a GUID, `jti`; and the seal of the key, which is looked at before the signature:
// who never had a token from here cannot make this server check signatures (trust.md T08).
// External: typ at+jwt or JWT, an issuer of the list, an audience of its list, at most 24 h between
// iat and exp. Who calls and what it may do: claim_mapping.h.
// Both: exp in the future, nbf and iat at most 60 s ahead. Source: trust.md T09, decisions.md 15.
class JwtVerifier : public TokenVerifier {
 public:
  // audiences: borrowed. Errors: invalid_input (an external issuer that is empty, named twice,
  // ours, or without audience).
  static Result<std::unique_ptr<JwtVerifier>> create(VerifierOptions options,
                                                     const AudienceList& audiences);

  Result<Principal> verify(std::string_view token, Timestamp now) override;
  void revoke_app(const AppId& app, Timestamp now) override;

  // Replaces our own keys at once: what another key signed is refused from now on, and the verdicts
  // of before are forgotten. Any thread.
  void set_own_keys(std::vector<SigningKey> keys);
  // Replaces an external issuer's keys at once; verdicts of the old ones are forgotten. Any thread.
  // Errors: not_found (no such issuer), invalid_input (see KeySet::parse): the present keys stay.
  Result<void> set_jwks(std::string_view issuer, std::string_view jwks);

 private:
  struct Keys {
    KeySet set;
    std::vector<SigningKey> own;  // of ours: what checks the seals
  };
  struct Issuer {
    explicit Issuer(ExternalIssuer external) : config(std::move(external)) {}
    const ExternalIssuer config;  // of ours: empty
    std::atomic<std::uint64_t> generation{0};
    mutable SharedMutex mutex;
    std::shared_ptr<const Keys> keys RB_GUARDED_BY(mutex) = std::make_shared<const Keys>();
    std::shared_ptr<const Keys> current() const;
    void replace(Keys next);
  };

  JwtVerifier(VerifierOptions options, const AudienceList& audiences);
  Result<Verdict> judge(std::string_view token, Timestamp now) const;
  // The version that `iss` stands for; nullopt: it is not ours.
  std::optional<TokenVersion> own_version(const TokenClaims& claims) const;
  Result<Verdict> judge_own(const TokenClaims& claims, TokenVersion version) const;
  Result<Verdict> judge_external(const TokenClaims& claims, std::string_view payload,
                                 const ExternalIssuer& issuer) const;
  bool is_current(const Verdict& verdict, Timestamp now) const;
  bool is_revoked(const AppId& app, Timestamp issued) const;

  std::string public_url_;
  const AudienceList& audiences_;
  const std::function<void(const std::string& issuer)> on_unknown_key_;
  std::vector<std::unique_ptr<Issuer>> issuers_;  // [0] is ours
  std::map<std::string, std::size_t, std::less<>> by_name_;
  VerdictCache cache_;

  std::atomic<bool> any_revoked_{false};
  mutable SharedMutex revoked_mutex_;
  std::unordered_map<AppId, Timestamp> revoked_ RB_GUARDED_BY(revoked_mutex_);
};

}  // namespace reachback::server
