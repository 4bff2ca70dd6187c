// Reading the audit's two chains backwards, from the newest record on, for people who look at what
// happened. Whether a chain is whole is not looked at here: `reachback-server verify-audit` does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reachback::server {

struct AuditItem {
  std::uint64_t position = 0;  // reading goes on before it
  std::uint64_t record = 0;    // its number in its chain
  Timestamp at{};
  TenantId tenant;
  std::string kind, principal, token_id, object, detail, result, peer_ip;
  std::string request;  // digest of the call, in hex; empty: none
  std::optional<ActionId> action;
  std::optional<MachineId> machine;  // where the record, or its action, says which
  std::optional<std::uint32_t> command;
};

struct AuditPiece {
  std::vector<AuditItem> items;  // the newest first
  bool begin = false;            // there is nothing before them
};

// One chain. Any thread; blocks on the disk, so never a loop's.
class AuditChain {
 public:
  virtual ~AuditChain() = default;
  // Behind the newest record that is on disk.
  virtual Result<std::uint64_t> end() = 0;
  // At most `most` records before a position. Errors: invalid_query (it is none of this chain),
  // corrupt, io, unavailable.
  virtual Result<AuditPiece> before(std::uint64_t position, std::size_t most) = 0;
};

}  // namespace reachback::server
