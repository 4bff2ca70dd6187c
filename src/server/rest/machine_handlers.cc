// GET /api/machines, /api/machines/$count, /api/machines/{id}, /api/alerts.
#include <algorithm>
#include <span>

#include "server/odata/build.h"
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/machine_bodies.h"
#include "server/rest/of_call.h"
#include "server/rest/render.h"

namespace reachback::server::rest {
namespace {

void answer_with_list(Core& core, const CallPtr& call, const ListOptions& options,
                      const std::string& address) {
  core.deps.machines.list(
      call->principal, options.query, core.bounds.machine_inactive_after, core.bounds.list_bounds(),
      [&core, call, options, address](Result<Page<MachineView>> page) {
        if (!page) {
          core.refuse(*call, page.error());
          return;
        }
        const ListShape shape = shape_of(options, *page, "Machines", call->base + address);
        core.answer(*call, 200,
                    render_machines(call->context(shape.set), page->items, freshness(core), shape));
      });
}

}  // namespace

void get_machines(Core& core, const CallPtr& call) {
  auto options = parse_list_options(call->query, machine_entity(), core.bounds.list);
  if (!options) {
    core.refuse(*call, options.error());
    return;
  }
  answer_with_list(core, call, *options, "/api/machines");
}

void get_machines_count(Core& core, const CallPtr& call) {
  auto query = parse_count_options(call->query, machine_entity(), core.bounds.list);
  if (!query) {
    core.refuse(*call, query.error());
    return;
  }
  core.deps.machines.list(call->principal, std::move(*query), core.bounds.machine_inactive_after,
                          core.bounds.list_bounds(), answer_with_count<MachineView>(core, call));
}

void get_machine(Core& core, const CallPtr& call) {
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

void find_machines_by_ip(Core& core, const CallPtr& call) {
  auto options = refuse_options(call->query);
  auto what = parse_find_by_ip(call->params.front(), core.deps.clock.now(), core.bounds);
  if (!options || !what) {
    core.refuse(*call, options ? what.error() : options.error());
    return;
  }
  const std::uint64_t most = core.bounds.list.top_max;
  core.deps.machines.find_by_ip(
      call->principal, what->ip, what->at, most + 1,
      [&core, call, most](Result<std::vector<MachineView>> machines) {
        if (machines && machines->size() > most) {
          machines = Error{Errc::invalid_query,
                           "More than " + std::to_string(most) + " machines had that address"};
        }
        if (!machines) {
          core.refuse(*call, machines.error());
          return;
        }
        core.answer(*call, 200,
                    render_machines(call->context("Machines"), *machines, freshness(core)));
      });
}

// The list of machines with that tag in its filter.
void find_machines_by_tag(Core& core, const CallPtr& call) {
  auto options = parse_list_options(call->query, machine_entity(), core.bounds.list);
  auto asked = parse_find_by_tag(call->query);
  if (!options || !asked) {
    core.refuse(*call, options ? asked.error() : options.error());
    return;
  }
  const odata::Term has_it{machine_entity().find("machineTags"),
                           asked->prefix ? odata::Op::starts_with : odata::Op::in,
                           false,
                           {odata::Value(asked->tag)}};
  options->query.filter = odata::joined(
      odata::Node::Kind::all, {std::move(options->query.filter), odata::term_node(has_it)});
  options->kept.emplace_back("tag", asked->tag);
  options->kept.emplace_back("useStartsWithFilter", asked->prefix ? "true" : "false");
  answer_with_list(core, call, *options, "/api/machines/findbytag");
}

// Device groups, by id. A machine that is in none is in group 0, which is not listed. Source:
// clients.md 16.
void get_machine_groups(Core& core, const CallPtr& call) {
  auto page = parse_page(call->query, core.bounds.list.top_max, core.bounds.list.skip_max);
  if (!page) {
    core.refuse(*call, page.error());
    return;
  }
  const std::vector<DeviceGroup> groups = core.deps.machines.groups(call->principal);
  const std::span<const DeviceGroup> all(groups);
  const auto from = std::min<std::uint64_t>(page->skip, all.size());
  const auto rest = all.subspan(from);
  core.answer(*call, 200,
              render_machine_groups(call->context("MachineGroups"),
                                    rest.first(std::min<std::uint64_t>(page->top, rest.size()))));
}

// Reachback has no alerts. Source: clients.md 15.
void get_alerts(Core& core, const CallPtr& call) {
  auto page = parse_page(call->query, core.bounds.list.top_max, core.bounds.list.skip_max);
  if (!page) {
    core.refuse(*call, page.error());
    return;
  }
  core.answer(*call, 200, render_empty_list(call->context("Alerts")));
}

}  // namespace reachback::server::rest
