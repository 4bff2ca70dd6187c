// The folder of a fleet: what a second run needs to be the same machines. Files: `fleet.json` (the
// server, the secret that all machine keys are made of, the order keys, the enrolment token),
// `ca.pem`, `agents` (a record for each: enrolled or not, its newest contact), and, after a run
// that ended in good order, `journals`. Mode 0700: whoever reads it is all of these machines.
//
// Contacts are written before the server hears of them, but not synced: they outlive a kill of this
// process, and not a power loss, after which the server takes the fleet for clones (quarantine).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/supervisor/agent_supervisor.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"

namespace reachback::fleet {

struct FleetServer {
  std::string url;  // "https://host:port", the agents' listener
  std::string ca_pem;
  std::string token;  // may be empty once everybody is enrolled
};

class FleetState {
 public:
  // Makes the folder if it is not there; then `given` needs url and ca_pem. What is empty in
  // `given` is taken from the folder, what is not replaces it. Held until this is destroyed: a
  // second fleet on the same folder is refused. Errors: invalid_input (nothing there and nothing
  // given), already_active, corrupt, forbidden, io.
  static Result<std::unique_ptr<FleetState>> open(const std::string& folder,
                                                  const FleetServer& given, Random& random);

  const FleetServer& server() const { return server_; }
  // Room for so many agents; those that are there stay. Before the functions below.
  Result<void> resize(std::size_t agents);

  // Of one agent: any thread, but one thread at a time for the same index.
  crypto::Ed25519PrivateKey key(std::size_t index) const;
  bool is_enrolled(std::size_t index) const { return records_[index].enrolled; }
  Result<void> set_enrolled(std::size_t index);
  std::string contact(std::size_t index) const;  // 16 bytes; empty: none yet
  Result<void> set_contact(std::size_t index, const std::string& contact);

  // Tenant and order keys, of any of these machines; key and machine are not filled in. Any thread.
  agent::Identity common() const;
  // Newer ones replace older ones, durably. Any thread. Errors: io, storage_full.
  Result<void> set_common(const agent::Identity& identity);

  // By index, of a larger fleet, too; empty where there is none. They are gone from the folder
  // then: a run that is killed leaves none.
  Result<std::vector<std::string>> take_journals();
  Result<void> save_journals(const std::vector<std::string>& journals);

 private:
  struct Record {
    bool enrolled = false;
    bool has_contact = false;
    std::string contact() const { return std::string(bytes, has_contact ? sizeof bytes : 0); }
    char bytes[16] = {};
  };
  FleetState(std::string folder, Fd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
  Result<void> load();
  Result<void> save() const RB_REQUIRES(mutex_);
  Result<void> write(std::size_t index) const;

  const std::string folder_;
  const Fd lock_;
  FleetServer server_;
  std::string secret_;  // 32 bytes
  Fd file_;             // `agents`
  std::vector<Record> records_;
  mutable Mutex mutex_;
  agent::Identity common_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::fleet
