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
};
using Permissions = std::uint32_t;
constexpr Permissions bit(Permission p) {
  return static_cast<Permissions>(p);
}

// 0 for a name that is not known.
Permissions permission_of_role(std::string_view role);    // application permission in `roles`
Permissions permission_of_scope(std::string_view scope);  // delegated permission in `scp`
std::vector<std::string> all_roles();

// Of a requestor, in UTF-8 without control characters: whoever may ask must fit into a signed
// order.
inline constexpr std::size_t kRequestorBytesMax = 512;

// The call that a principal makes, as the audit tells of it: no part of who it is.
struct CallOrigin {
  std::string peer_ip;
  std::optional<Sha256> request;  // digest of method, target and body; set where it is audited
};

struct Principal {
  TenantId tenant;
  std::string caller;  // stable key for limits and idempotency: application id, or issuer + subject
                       // of a user
  std::string requestor;  // as in MachineAction.requestor: application id, or user principal name
  bool delegated = false;
  Permissions permissions = 0;
  std::string token_id;  // jti
  Timestamp expires{};
  CallOrigin origin{};
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

class TokenIssuer {
 public:
  virtual ~TokenIssuer() = default;
  // ES256, typ at+jwt, one hour less a second. `audience`: as asked for by the client. Any thread.
  virtual IssuedToken issue(const TenantId& tenant, const AppId& app, std::string_view app_name,
                            const std::vector<std::string>& roles, std::string_view audience,
                            Timestamp now) = 0;
  virtual std::string jwks() const = 0;  // JSON Web Key Set with the public keys
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
};

}  // namespace reachback::server
