// /api/machineactions: list, read, wait, cancel, link, receipts.
#include "base/log.h"
#include "net/etag.h"
#include "server/odata/build.h"
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/of_call.h"
#include "server/rest/render.h"
#include "server/rest/run_body.h"

namespace reachback::server::rest {
namespace {

Done<action::Action> answer_with_action(Core& core, const CallPtr& call) {
  return [&core, call](Result<action::Action> action) {
    if (!action) {
      core.refuse(*call, action.error());
      return;
    }
    core.answer(*call, 200, render_action(call->context("MachineActions/$entity"), *action));
  };
}

void answer_with_actions(Core& core, const CallPtr& call, const ListOptions& options,
                         const std::string& address) {
  core.deps.live_response.list(
      call->principal, options.query, core.bounds.list_bounds(),
      [&core, call, options, address](Result<ActionPage> page) {
        if (!page) {
          core.refuse(*call, page.error());
          return;
        }
        const ListShape shape = shape_of(options, *page, "MachineActions", call->base + address);
        core.answer(*call, 200, render_actions(call->context(shape.set), page->items, shape));
      });
}

// The same as long as nothing of the action has changed; weak, for addresses in it follow the host.
std::string etag_of(const action::Action& action) {
  return "\"" + std::to_string(action.version) + "\"";
}

Done<action::Action> answer_with_action_if_changed(Core& core, const CallPtr& call) {
  return [&core, call](Result<action::Action> action) {
    if (!action) {
      core.refuse(*call, action.error());
      return;
    }
    const std::string etag = etag_of(*action);
    auto known = call->request().headers.get("If-None-Match");
    const bool unchanged = known && net::etag_listed(*known, etag, /*weak_too=*/true);
    net::Response response =
        unchanged
            ? json_response(304, "")
            : json_response(200, render_action(call->context("MachineActions/$entity"), *action));
    response.headers.add("ETag", "W/" + etag);
    core.answer(*call, std::move(response));
  };
}

}  // namespace

void get_actions(Core& core, const CallPtr& call) {
  auto options = parse_list_options(call->query, action_entity(), core.bounds.list);
  if (!options) {
    core.refuse(*call, options.error());
    return;
  }
  answer_with_actions(core, call, *options, "/api/machineactions");
}

void get_machine_actions(Core& core, const CallPtr& call) {
  auto options = parse_list_options(call->query, action_entity(), core.bounds.list);
  auto id = machine_id(*call);
  if (!options || !id) {
    core.refuse(*call, id ? options.error() : id.error());
    return;
  }
  const odata::Term its{
      action_entity().find("machineId"), odata::Op::in, false, {odata::Value(id->text())}};
  options->query.filter = odata::joined(odata::Node::Kind::all,
                                        {std::move(options->query.filter), odata::term_node(its)});
  core.deps.machines.get(call->principal, id->text(),
                         [&core, call, options = *options,
                          address = "/api/machines/" + id->text() +
                                    "/machineActions"](const Result<MachineView>& machine) {
                           if (!machine) {
                             core.refuse(*call, machine.error());
                             return;
                           }
                           answer_with_actions(core, call, options, address);
                         });
}

void get_actions_count(Core& core, const CallPtr& call) {
  auto query = parse_count_options(call->query, action_entity(), core.bounds.list);
  if (!query) {
    core.refuse(*call, query.error());
    return;
  }
  core.deps.live_response.list(call->principal, std::move(*query), core.bounds.list_bounds(),
                               answer_with_count<action::Action>(core, call));
}

void get_action(Core& core, const CallPtr& call) {
  auto id = action_id(*call);
  auto options = refuse_options(call->query);
  auto wait = parse_wait(call->query, core.bounds.wait_default, core.bounds.wait_timeout);
  if (!id || !options || !wait) {
    core.refuse(*call, !id ? id.error() : !options ? options.error() : wait.error());
    return;
  }
  if (*wait) {
    core.deps.live_response.wait_final(call->principal, *id, **wait,
                                       answer_with_action_if_changed(core, call));
  } else {
    core.deps.live_response.get(call->principal, *id, answer_with_action_if_changed(core, call));
  }
}

void post_cancel(Core& core, const CallPtr& call) {
  auto id = action_id(*call);
  auto options = refuse_options(call->query);
  if (!id || !options) {
    core.refuse(*call, id ? options.error() : id.error());
    return;
  }
  auto comment = parse_comment_body(call->content(), core.bounds);
  if (!comment) {
    core.refuse(*call, comment.error());
    return;
  }
  core.deps.live_response.cancel(call->principal, *id, std::move(*comment),
                                 answer_with_action(core, call));
}

void get_result_link(Core& core, const CallPtr& call) {
  auto id = action_id(*call);
  auto options = refuse_options(call->query);
  auto index = parse_index_argument(call->params.back());
  if (!id || !options || !index) {
    core.refuse(*call, !id ? id.error() : !options ? options.error() : index.error());
    return;
  }
  const RoutePermissions* open = core.permissions.find(call->route->name);
  if (!call->principal.delegated && !call->principal.may_any(open->application)) {
    log_info("a result is read with a permission to read machines only",
             {field("caller", call->principal.caller), field("action", id->text())});
  }
  core.deps.live_response.mint_link(
      call->principal, *id, *index, call->request().peer_ip,
      [&core, call](Result<ResultLink> link) {
        if (!link) {
          core.refuse(*call, link.error());
          return;
        }
        core.answer(*call, 200, render_string(call->context("Edm.String"), link->url));
      });
}

void get_receipts(Core& core, const CallPtr& call) {
  auto id = action_id(*call);
  auto options = refuse_options(call->query);
  if (!id || !options) {
    core.refuse(*call, id ? options.error() : id.error());
    return;
  }
  core.deps.live_response.get(call->principal, *id, [&core, call](Result<action::Action> action) {
    if (!action) {
      core.refuse(*call, action.error());
      return;
    }
    const std::string machine = action->machine.text();
    core.deps.machines.get(
        call->principal, machine, [&core, call, a = *action](Result<MachineView> view) {
          if (!view) {
            core.refuse(*call, view.error());
            return;
          }
          core.answer(*call, 200,
                      render_receipts(call->context("microsoft.windowsDefenderATP.api.Receipts"), a,
                                      view->machine.public_key));
        });
  });
}

}  // namespace reachback::server::rest
