// The use cases of machines: finding them, their tags and values, enrolment. For every caller only
// the machines of its scope exist (service/scope.h): another one is not_found, like one that never
// was. Threads as in live_response.h.
#pragma once

#include <memory>

#include "server/ports/directory.h"
#include "server/ports/links.h"
#include "server/ports/tokens.h"
#include "server/service/device_groups.h"

namespace reachback::server {

struct MachineView {
  Machine machine;
  bool connected = false;
  std::optional<Timestamp> connected_since{};
  std::optional<DeviceGroup> group{};  // that it is in
};

struct Enrollment {
  std::string token;  // as the operator got it
  std::string public_key;
  std::string host_name, os_platform, os_version, os_architecture, agent_version;
  std::string peer_ip;
  std::uint64_t order_keys_version = 1;  // of the list that it is given
};

class Machines {
 public:
  virtual ~Machines() = default;
  static std::unique_ptr<Machines> create(MachineStore& store, AgentLinks& links, Clock& clock,
                                          const DeviceGroups& groups);
  // A machine is active when it is connected or was seen less than `inactive_after` ago. Errors:
  // invalid_query (the query would have to look at too many rows).
  virtual void list(const Principal& by, odata::Query query, Duration inactive_after,
                    ListBounds bounds, Done<Page<MachineView>> done) = 0;
  // By id (40 hex digits) or exact name. Errors: not_found ("Machine <x> was not found"),
  // invalid_input (several machines have that name).
  virtual void get(const Principal& by, std::string id_or_name, Done<MachineView> done) = 0;
  // The ids of those that are connected, in ascending order.
  virtual void online(const Principal& by, Done<std::vector<MachineId>> done) = 0;
  // Those seen with the address within a quarter of an hour of `at`, by first_seen. Source: MDE,
  // findbyip.
  virtual void find_by_ip(const Principal& by, std::string ip, Timestamp at, std::uint64_t top,
                          Done<std::vector<MachineView>> done) = 0;
  // All of them or none; what is so already is no error. `kind`: of the audit records. Errors:
  // not_found (names the machine), invalid_input (too many tags), disallowed (the caller has a
  // scope, and would add or take away the tag of a device group: that moves a machine into a scope,
  // or out of one).
  virtual void change(const Principal& by, std::vector<MachineId> ids, MachineChange change,
                      std::string kind, Done<std::vector<MachineView>> done) = 0;
  // Those that the caller's machines are in, by id.
  virtual std::vector<DeviceGroup> groups(const Principal& by) const = 0;
  // Errors: unauthenticated (token unknown, expired or used up: one answer for all), invalid_input.
  virtual void enroll(Enrollment request, Done<Machine> done) = 0;
};

}  // namespace reachback::server
