// What a store keeps about machines beside their rows, in memory.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/ports/directory.h"

namespace reachback::testing {

// Which machine had which address when.
class AddressHistory {
 public:
  void follow(const MachineId& machine, const std::vector<server::NetworkAddress>& addresses,
              Timestamp last_seen, Timestamp now) {
    std::set<std::string> here;
    for (const auto& address : addresses) {
      here.insert(address.ip);
    }
    for (Period& period : periods_[machine]) {
      if (!period.until && here.erase(period.ip) == 0) {
        period.until = std::max(period.since, last_seen);
      }
    }
    for (const std::string& ip : here) {
      periods_[machine].push_back({ip, now, std::nullopt});
    }
  }
  bool had(const MachineId& machine, const std::string& ip, Timestamp from, Timestamp to) const {
    auto found = periods_.find(machine);
    return found != periods_.end() &&
           std::any_of(found->second.begin(), found->second.end(), [&](const Period& period) {
             return period.ip == ip && period.since <= to &&
                    (!period.until || *period.until >= from);
           });
  }

 private:
  struct Period {
    std::string ip;
    Timestamp since;
    std::optional<Timestamp> until;
  };
  std::map<MachineId, std::vector<Period>> periods_;
};

// The machine as a change makes it. Errors: disallowed, invalid_input.
inline Result<server::Machine> changed(server::Machine m, const server::MachineChange& change) {
  const std::vector<std::string> old = m.tags;
  if (change.tags) {
    m.tags = *change.tags;
  }
  for (const std::string& tag : change.add_tags) {
    if (std::count(m.tags.begin(), m.tags.end(), tag) == 0) {
      m.tags.push_back(tag);
    }
  }
  for (const std::string& tag : change.remove_tags) {
    m.tags.erase(std::remove(m.tags.begin(), m.tags.end(), tag), m.tags.end());
  }
  for (const std::string& tag : change.fixed_tags) {
    if (std::count(old.begin(), old.end(), tag) != std::count(m.tags.begin(), m.tags.end(), tag)) {
      return server::tag_is_fixed(tag);
    }
  }
  if (m.tags.size() > std::max(change.tags_max, old.size())) {
    return Error{Errc::invalid_input, "too many tags"};
  }
  m.device_value = change.device_value.value_or(m.device_value);
  return m;
}

}  // namespace reachback::testing
