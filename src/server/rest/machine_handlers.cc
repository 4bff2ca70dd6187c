// GET /api/machines, /api/machines/$count, /api/machines/{id}, /api/alerts.
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/machine_bodies.h"
#include "server/rest/render.h"

namespace reachback::server::rest {
namespace {

Freshness freshness(const Core& core) {
  return Freshness{core.deps.clock.now(), core.bounds.machine_inactive_after};
}

}  // namespace

void get_machines(Core& core, CallPtr call) {
  auto options = parse_list_options(call->query, machine_entity(), core.bounds.list);
  if (!options) {
    core.refuse(*call, options.error());
    return;
  }
  core.deps.machines.list(
      call->principal, options->query, core.bounds.machine_inactive_after,
      core.bounds.list_bounds(), [&core, call, options = *options](Result<Page<MachineView>> page) {
        if (!page) {
          core.refuse(*call, page.error());
          return;
        }
        const ListShape shape = shape_of(options, *page, "Machines", call->base + "/api/machines");
        core.answer(*call, 200,
                    render_machines(call->context(shape.set), page->items, freshness(core), shape));
      });
}

void get_machines_count(Core& core, CallPtr call) {
  auto query = parse_count_options(call->query, machine_entity(), core.bounds.list);
  if (!query) {
    core.refuse(*call, query.error());
    return;
  }
  core.deps.machines.list(call->principal, std::move(*query), core.bounds.machine_inactive_after,
                          core.bounds.list_bounds(), answer_with_count<MachineView>(core, call));
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

namespace {

Done<std::vector<MachineView>> answer_with_machines(Core& core, CallPtr call) {
  return [&core, call](Result<std::vector<MachineView>> machines) {
    if (!machines) {
      core.refuse(*call, machines.error());
      return;
    }
    core.answer(*call, 200, render_machines(call->context("Machines"), *machines, freshness(core)));
  };
}

}  // namespace

void find_machines_by_ip(Core& core, CallPtr call) {
  auto options = refuse_options(call->query);
  auto what = parse_find_by_ip(call->params.front(), core.deps.clock.now(), core.bounds);
  if (!options || !what) {
    core.refuse(*call, options ? what.error() : options.error());
    return;
  }
  core.deps.machines.find_by_ip(call->principal, what->ip, what->at, core.bounds.list.top_max,
                                answer_with_machines(core, call));
}

void find_machines_by_tag(Core& core, CallPtr call) {
  if (auto options = refuse_options(call->query); !options) {
    core.refuse(*call, options.error());
    return;
  }
  auto tags = values_of(call->query, "tag");
  auto prefixes = values_of(call->query, "useStartsWithFilter");
  if (tags.size() != 1 || tags[0].empty()) {
    core.refuse(*call, tags.size() > 1 ? Error{Errc::invalid_input, "tag is there twice"}
                                       : Error{Errc::missing_parameter, "tag is required"});
    return;
  }
  const bool prefix = prefixes.size() == 1 && equals_ignore_case(prefixes[0], "true");
  if (!prefixes.empty() && !prefix &&
      (prefixes.size() > 1 || !equals_ignore_case(prefixes[0], "false"))) {
    core.refuse(*call, Error{Errc::invalid_input, "useStartsWithFilter must be true or false"});
    return;
  }
  core.deps.machines.find_by_tag(call->principal, std::string(tags[0]), prefix,
                                 core.bounds.list.top_max, answer_with_machines(core, call));
}

// There are no device groups: every machine is in group 0. Source: clients.md 16.
void get_machine_groups(Core& core, CallPtr call) {
  auto page = parse_page(call->query, core.bounds.list.top_max, core.bounds.list.skip_max);
  if (!page) {
    core.refuse(*call, page.error());
    return;
  }
  core.answer(*call, 200, render_empty_list(call->context("MachineGroups")));
}

// Reachback has no alerts. Source: clients.md 15.
void get_alerts(Core& core, CallPtr call) {
  auto page = parse_page(call->query, core.bounds.list.top_max, core.bounds.list.skip_max);
  if (!page) {
    core.refuse(*call, page.error());
    return;
  }
  core.answer(*call, 200, render_empty_list(call->context("Alerts")));
}

}  // namespace reachback::server::rest
