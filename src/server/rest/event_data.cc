// What webhooks tell of an event: the entity, as the API shows it.
#include "server/rest/of_call.h"
#include "server/rest/render.h"
#include "server/rest/rest_api.h"

namespace reachback::server::rest {
namespace {

std::string data_of(std::string_view name, std::string entity) {
  return "{\"" + std::string(name) + "\":" + std::move(entity) + "}";
}

}  // namespace

void RestApi::describe_event(const TenantId& tenant, const std::string& type,
                             const std::string& object, Done<std::string> done) {
  Principal all;  // sees every machine of the tenant
  all.tenant = tenant;
  all.requestor = "system";
  const std::string context = core_->options.public_url + "/api/$metadata#";
  const auto id = ActionId::parse(object);
  if (type == kActionCompleted && id) {
    core_->deps.live_response.get(
        all, *id, [context, done = std::move(done)](const Result<action::Action>& action) {
          done(action ? Result<std::string>(
                            data_of("machineAction",
                                    render_action(context + "MachineActions/$entity", *action)))
                      : action.error());
        });
    return;
  }
  if (type == kMachineOnline) {
    core_->deps.machines.get(
        all, object,
        [core = core_.get(), context, done = std::move(done)](const Result<MachineView>& machine) {
          done(machine ? Result<std::string>(
                             data_of("machine", render_machine(context + "Machines/$entity",
                                                               *machine, freshness(*core))))
                       : machine.error());
        });
    return;
  }
  done(Error{Errc::not_found, "nothing is known of '" + object + "'"});
}

}  // namespace reachback::server::rest
