// Refused sign-ins and enrolments, counted by address and written to the audit once a minute: a
// flood of them costs neither a sync nor a line each. At most kAddressesMax addresses are told
// apart in a minute, the rest is counted together, so that the file grows by a bounded amount.
// Counts of the running minute are lost when the process is killed. Source: trust.md T08, T44.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/time.h"
#include "server/ports/audit_log.h"
#include "server/ports/scheduler.h"

namespace reachback::server {

// Any thread. Outlived by audit, scheduler and clock; work that it left with the scheduler must not
// run after it is gone.
class RefusalTally {
 public:
  static constexpr std::size_t kAddressesMax = 64;
  static constexpr Duration kEvery = std::chrono::minutes(1);

  RefusalTally(AuditLog& audit, Scheduler& scheduler, Clock& clock)
      : audit_(audit), scheduler_(scheduler), clock_(clock) {}

  // kind: "sign_in_refused", "enrollment_refused"; one of a few, never text from outside.
  void note(const TenantId& tenant, const std::string& kind, const std::string& peer_ip);
  // Writes what is counted; does not wait for the disk. Also at the end.
  void flush();

 private:
  struct Count {
    TenantId tenant;
    Timestamp since{};
    std::uint64_t times = 0;
  };

  AuditLog& audit_;
  Scheduler& scheduler_;
  Clock& clock_;
  Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Count> counts_
      RB_GUARDED_BY(mutex_);  // by kind and address
};

}  // namespace reachback::server
