// What several handlers take from a call.
#pragma once

#include "server/rest/call.h"
#include "server/rest/render.h"
#include "server/service/texts.h"

namespace reachback::server::rest {

// The id in the address. What cannot be one is answered like one that is not known, without a
// look-up. Errors: not_found.
inline Result<ActionId> action_id(const Call& call) {
  auto id = ActionId::parse(call.params.front());
  return id ? Result<ActionId>(*id) : action_not_found(call.params.front());
}
inline Result<MachineId> machine_id(const Call& call) {
  auto id = MachineId::parse(call.params.front());
  return id ? Result<MachineId>(*id) : machine_not_found(call.params.front());
}

inline Freshness freshness(const Core& core) {
  return Freshness{core.deps.clock.now(), core.bounds.machine_inactive_after};
}

}  // namespace reachback::server::rest
