// POST /api/machines/{id}/runliveresponse.
#include "crypto/digest.h"
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/names.h"
#include "server/rest/of_call.h"
#include "server/rest/render.h"
#include "server/rest/run_body.h"

namespace reachback::server::rest {
namespace {

// Live response basic fetches files; what is run or placed takes live response advanced. Source:
// MDE's roles, mde-spec.md §11.
Result<void> may_run(const Principal& by, const SubmitRequest& request) {
  if (by.may_any(bit(Permission::live_response_advanced))) {
    return {};
  }
  for (std::size_t i = 0; i < request.commands.size(); ++i) {
    const action::CommandType type = request.commands[i].type;
    if (type != action::CommandType::get_file) {
      return Error{Errc::forbidden, "Commands[" + std::to_string(i) +
                                        "]: " + std::string(type_name(type)) +
                                        " needs the role live response advanced"};
    }
  }
  return {};
}

Result<SubmitRequest> parse(const Core& core, const Call& call) {
  RB_TRY_ASSIGN(const MachineId machine, machine_id(call));
  RB_TRY(refuse_options(call.query));
  RB_TRY_ASSIGN(auto key,
                parse_idempotency_key(call.request().headers, core.bounds.idempotency_key_chars));
  RB_TRY_ASSIGN(SubmitRequest request, parse_run_body(call.content(), core.bounds));
  RB_TRY(may_run(call.principal, request));
  request.machine = machine;
  if (key) {
    crypto::Sha256Stream digest;
    digest.update(machine.text());
    digest.update(call.content());
    request.idempotency_key = IdempotencyKey{call.principal.caller, *key, digest.finish()};
  }
  return request;
}

}  // namespace

void post_run_live_response(Core& core, const CallPtr& call) {
  auto request = parse(core, *call);
  if (!request) {
    core.refuse(*call, request.error());
    return;
  }
  core.deps.live_response.submit(
      call->principal, std::move(*request), [&core, call](Result<action::Action> action) {
        if (!action) {
          core.refuse(*call, action.error());
          return;
        }
        core.answer(*call, 201, render_action(call->context("MachineActions/$entity"), *action));
      });
}

}  // namespace reachback::server::rest
