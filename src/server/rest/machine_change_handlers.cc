// What people set on machines: /api/machines/{id}/tags, AddOrRemoveTagForMultipleMachines,
// setDeviceValue, PATCH.
#include "server/rest/handlers.h"
#include "server/rest/machine_bodies.h"
#include "server/rest/render.h"
#include "server/service/texts.h"

namespace reachback::server::rest {
namespace {

// An id that cannot be one is answered like one that is not known, without a look-up.
Result<MachineId> machine_id(const Call& call) {
  auto id = MachineId::parse(call.params.front());
  if (!id) {
    return machine_not_found(call.params.front());
  }
  RB_TRY(refuse_options(call.query));
  return *id;
}

Freshness freshness(const Core& core) {
  return Freshness{core.deps.clock.now(), core.bounds.machine_inactive_after};
}

void change_one(Core& core, const CallPtr& call, const MachineId& id, MachineChange change) {
  core.deps.machines.change(call->principal, {id}, std::move(change), "machine_changed",
                            [&core, call](Result<std::vector<MachineView>> machines) {
                              if (!machines) {
                                core.refuse(*call, machines.error());
                                return;
                              }
                              core.answer(*call, 200,
                                          render_machine(call->context("Machines/$entity"),
                                                         machines->front(), freshness(core)));
                            });
}

MachineChange change_of(const TagBody& body, const Bounds& bounds) {
  MachineChange change;
  change.tags_max = bounds.tags;
  (body.remove ? change.remove_tags : change.add_tags).push_back(body.tag);
  return change;
}

}  // namespace

void post_tag(Core& core, CallPtr call) {
  auto id = machine_id(*call);
  auto body = parse_tag_body(call->content(), /*many=*/false, core.bounds);
  if (!id || !body) {
    core.refuse(*call, id ? body.error() : id.error());
    return;
  }
  change_one(core, call, *id, change_of(*body, core.bounds));
}

void post_tag_of_machines(Core& core, CallPtr call) {
  auto options = refuse_options(call->query);
  auto body = parse_tag_body(call->content(), /*many=*/true, core.bounds);
  if (!options || !body) {
    core.refuse(*call, options ? body.error() : options.error());
    return;
  }
  core.deps.machines.change(
      call->principal, std::move(body->machines), change_of(*body, core.bounds), "machine_changed",
      [&core, call](Result<std::vector<MachineView>> machines) {
        if (!machines) {
          core.refuse(*call, machines.error());
          return;
        }
        core.answer(*call, 200,
                    render_machines(call->context("Machines"), *machines, freshness(core)));
      });
}

void post_device_value(Core& core, CallPtr call) {
  auto id = machine_id(*call);
  auto value = parse_device_value_body(call->content());
  if (!id || !value) {
    core.refuse(*call, id ? value.error() : id.error());
    return;
  }
  MachineChange change;
  change.device_value = *value;
  change_one(core, call, *id, std::move(change));
}

void patch_machine(Core& core, CallPtr call) {
  auto id = machine_id(*call);
  auto change = parse_machine_patch(call->content(), core.bounds);
  if (!id || !change) {
    core.refuse(*call, id ? change.error() : id.error());
    return;
  }
  change_one(core, call, *id, std::move(*change));
}

}  // namespace reachback::server::rest
