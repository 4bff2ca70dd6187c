// What the database's audit is told of a change that it makes.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/time.h"

namespace reachback::server {

// Written in the same transaction as the change it tells of, into the database's hash chain. Shown
// by `actions` history and the later activity page.
struct AuditEntry {
  Timestamp at{};
  std::string kind;       // "accepted", "granted", "cancel_requested", "finished", ...
  std::string principal;  // who; "system" for the reaper, the machine id for an agent
  std::string detail;     // for people
  // Of a change that a call of the API asked for; else empty.
  std::string token_id{};
  std::string peer_ip{};
  std::optional<Sha256> request{};  // CallOrigin::request
};

// Who changes settings, as the audit tells of it. By default somebody on the server's own machine.
struct ChangedBy {
  std::string principal = "local administrator";
  // Of a call of the API; else empty.
  std::string token_id{};
  std::string peer_ip{};
  std::optional<Sha256> request{};  // CallOrigin::request
};

}  // namespace reachback::server
