// Who calls the API: checking bearer tokens and making our own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reachback::server {

// The permissions that Reachback knows, as bits. Names: permission_name(). Source: mde-spec.md
// §2-§10.
enum class Permission : std::uint32_t {
  machine_read = 1u << 0,           // Machine.Read.All (application), Machine.Read (delegated)
  machine_read_write = 1u << 1,     // Machine.ReadWrite.All, Machine.ReadWrite
  machine_live_response = 1u << 2,  // Machine.LiveResponse
  library_manage = 1u << 3,         // Library.Manage
  collect_forensics = 1u << 4,      // Machine.CollectForensics and the others below may cancel
  isolate = 1u << 5,
  restrict_execution = 1u << 6,
  scan = 1u << 7,
  offboard = 1u << 8,
  stop_and_quarantine = 1u << 9,
  alert_read = 1u << 10,  // Alert.Read.All, Alert.ReadWrite.All
  // Beside machine_live_response: RunScript and PutFile, too. Every token that names
  // Machine.LiveResponse has it; a user's role may take it away. Source: MDE's roles "live response
  // basic" and "live response advanced", mde-spec.md §11.
  live_response_advanced = 1u << 11,
  // Ours: the extension API for people (docs/people-api.md).
  audit_read = 1u << 12,        // Audit.Read
  reachback_manage = 1u << 13,  // Reachback.Manage
};
using Permissions = std::uint32_t;
constexpr Permissions bit(Permission p) {
  return static_cast<Permissions>(p);
}

// 0 for a name that is not known.
Permissions permission_of_role(std::string_view role);    // application permission in `roles`
Permissions permission_of_scope(std::string_view scope);  // delegated permission in `scp`
std::vector<std::string> all_roles();
std::vector<std::string> all_scopes();

// Of a requestor, in UTF-8 without control characters: whoever may ask must fit into a signed
// order.
inline constexpr std::size_t kRequestorBytesMax = 512;

// The call that a principal makes, as the audit tells of it: no part of who it is.
struct CallOrigin {
  std::string peer_ip;
  std::optional<Sha256> request;  // digest of method, target and body; set where it is audited
};

// A token of ours that a user signed in for.
struct UserToken {
  UserId user;
  GrantId grant;
  Timestamp issued{};
  friend bool operator==(const UserToken&, const UserToken&) = default;
};

struct Principal {
  TenantId tenant;
  std::string caller;  // stable key for limits and idempotency: application id, or of a user issuer
                       // and subject, of this server's own users application and user
  std::string application;  // client id that the token was made for; empty: not known
  std::string requestor;    // as in MachineAction.requestor: application id, or user principal name
  bool delegated = false;
  Permissions permissions = 0;
  std::string token_id;  // jti
  Timestamp expires{};
  CallOrigin origin{};
  std::optional<UserToken> user{};  // of our own delegated tokens
  // Set: only machines with one of these tags, and what concerns them, exist for the caller. From
  // the user's device groups; applications see every machine.
  std::optional<std::vector<std::string>> machine_tags{};
  bool may_any(Permissions any_of) const { return (permissions & any_of) != 0; }
};

class TokenVerifier {
 public:
  virtual ~TokenVerifier() = default;
  // No disk, no database, no network: keys and verdicts are in memory. Any thread.
  // Errors: unauthenticated (malformed, bad signature, expired, unknown issuer, revoked; the
  // message never says which key), forbidden (a good token for another audience; Source: MDE 2026
  // pages).
  virtual Result<Principal> verify(std::string_view token, Timestamp now) = 0;
  // Forgets cached verdicts of an application (deleted or rotated) and refuses its tokens issued
  // before now.
  virtual void revoke_app(const AppId& app, Timestamp now) = 0;
};

struct IssuedToken {
  std::string access_token;
  std::int64_t expires_in_s = 0;
  std::string token_id{};     // jti
  std::string certificate{};  // hex thumbprint of the one that signed for it; empty: a secret did
};

// Which of the two token addresses of a tenant was called; the shape of answers and tokens.
enum class TokenVersion : std::uint8_t { v1 = 1, v2 = 2 };

// How the application that asks for a token proved who it is. The numbers are those of `appidacr`
// and `azpacr`. Source: Microsoft identity platform, "Access token claims reference".
enum class ClientProof : std::uint8_t { none = 0, secret = 1, certificate = 2 };

struct TokenSpec {
  struct User {
    UserId id;
    std::string name;  // user principal name
    std::vector<std::string> scopes;
    GrantId grant;
  };
  TokenVersion version = TokenVersion::v2;
  TenantId tenant;
  AppId app;
  std::string app_name;
  ClientProof proof = ClientProof::none;
  std::string audience;            // as asked for by the client
  std::vector<std::string> roles;  // of an application that calls for itself
  std::optional<User> user;        // for whom it calls; then `roles` does not count
};

// What an application learns of the user who signed in. Source: OpenID Connect Core 1.0 §2.
struct IdTokenSpec {
  TokenVersion version = TokenVersion::v2;
  TenantId tenant;
  AppId app;  // its audience
  UserId user;
  std::string user_name;
  std::string nonce;  // empty: none was sent
  Timestamp signed_in{};
};

class TokenIssuer {
 public:
  virtual ~TokenIssuer() = default;
  // typ at+jwt, one hour less a second. Any thread.
  virtual IssuedToken issue(const TokenSpec& spec, Timestamp now) = 0;
  // Signed by the same key, typ JWT: never taken as an access token. Any thread.
  virtual std::string id_token(const IdTokenSpec& spec, Timestamp now) = 0;
  virtual std::string jwks() const = 0;  // JSON Web Key Set with the public keys
  // Of those keys, each once: "ES256", "RS256".
  virtual std::vector<std::string> algorithms() const = 0;
};

// Whether a requested resource or scope names this API; gives the audience to put into the token.
// Accepts every spelling that MDE's clients use (clients.md 4) and the server's own URLs. Errors:
// invalid_scope.
class Audiences {
 public:
  virtual ~Audiences() = default;
  virtual Result<std::string> of_resource(std::string_view resource) const = 0;  // v1
  virtual Result<std::string> of_scope(
      std::string_view scope) const = 0;  // v2: one "<audience>/.default"
  virtual std::string own() const = 0;    // for those who name none
};

}  // namespace reachback::server
