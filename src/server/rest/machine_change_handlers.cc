// What people set on machines: /api/machines/{id}/tags, AddOrRemoveTagForMultipleMachines,
// setDeviceValue, PATCH.
#include "server/rest/handlers.h"
#include "server/rest/machine_bodies.h"
#include "server/rest/of_call.h"
#include "server/rest/render.h"

namespace reachback::server::rest {
namespace {

// change: what the body says.
void change_one(Core& core, const CallPtr& call, Result<MachineChange> change) {
  auto id = machine_id(*call);
  auto options = refuse_options(call->query);
  if (!id || !options || !change) {
    core.refuse(*call, !id ? id.error() : !options ? options.error() : change.error());
    return;
  }
  core.deps.machines.change(call->principal, {*id}, std::move(*change), "machine_changed",
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

void post_tag(Core& core, const CallPtr& call) {
  auto body = parse_tag_body(call->content(), /*many=*/false, core.bounds);
  change_one(core, call, body ? Result(change_of(*body, core.bounds)) : body.error());
}

void post_tag_of_machines(Core& core, const CallPtr& call) {
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

void post_device_value(Core& core, const CallPtr& call) {
  auto value = parse_device_value_body(call->content());
  MachineChange change;
  if (value) {
    change.device_value = *value;
  }
  change_one(core, call, value ? Result(std::move(change)) : value.error());
}

void patch_machine(Core& core, const CallPtr& call) {
  change_one(core, call, parse_machine_patch(call->content(), core.bounds));
}

}  // namespace reachback::server::rest
