// GET /api/machines, /api/machines/{id}, /api/alerts.
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/render.h"

namespace reachback::server::rest {
namespace {

Freshness freshness(const Core& core) {
  return Freshness{core.deps.clock.now(), core.bounds.machine_inactive_after};
}

}  // namespace

void get_machines(Core& core, CallPtr call) {
  auto page = parse_page(call->query, core.bounds.page_size, core.bounds.skip);
  if (!page) {
    core.refuse(*call, page.error());
    return;
  }
  core.deps.machines.list(
      call->principal, page->skip, page->top,
      [&core, call](Result<std::vector<MachineView>> machines) {
        if (!machines) {
          core.refuse(*call, machines.error());
          return;
        }
        core.answer(*call, 200,
                    render_machines(call->context("Machines"), *machines, freshness(core)));
      });
}

void get_machine(Core& core, CallPtr call) {
  if (auto none = refuse_options(call->query); !none) {
    core.refuse(*call, none.error());
    return;
  }
  core.deps.machines.get(
      call->principal, call->params.front(), [&core, call](Result<MachineView> machine) {
        if (!machine) {
          core.refuse(*call, machine.error());
          return;
        }
        core.answer(*call, 200,
                    render_machine(call->context("Machines/$entity"), *machine, freshness(core)));
      });
}

// Reachback has no alerts. Source: clients.md 15.
void get_alerts(Core& core, CallPtr call) {
  auto page = parse_page(call->query, core.bounds.page_size, core.bounds.skip);
  if (!page) {
    core.refuse(*call, page.error());
    return;
  }
  core.answer(*call, 200, render_empty_list(call->context("Alerts")));
}

}  // namespace reachback::server::rest
