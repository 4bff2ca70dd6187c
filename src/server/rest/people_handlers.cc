// GET /api/reachback/me, /api/reachback/machines/{id}/state, /api/reachback/onlineMachines.
#include <algorithm>

#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/json_text.h"
#include "server/service/user_rights.h"

namespace reachback::server::rest {
namespace {

void append_list(std::string& out, const std::vector<std::string>& texts) {
  std::string_view before = "[";
  for (const std::string& text : texts) {
    out += before;
    append_json_string(out, text);
    before = ",";
  }
  out += texts.empty() ? "[]" : "]";
}

// As they stand in tokens, those that the caller holds in whole.
std::vector<std::string> permission_names(const Principal& by) {
  std::vector<std::string> out;
  for (const std::string& name : by.delegated ? all_scopes() : all_roles()) {
    const Permissions bits = by.delegated ? permission_of_scope(name) : permission_of_role(name);
    // Machine.LiveResponse of a user with live response basic is that permission, too.
    const Permissions asked = bits & ~bit(Permission::live_response_advanced);
    if ((by.permissions & asked) == asked) {
      out.push_back(name);
    }
  }
  return out;
}

}  // namespace

void get_me(Core& core, const CallPtr& call) {
  if (auto none = refuse_options(call->query); !none) {
    core.refuse(*call, none.error());
    return;
  }
  const Principal& by = call->principal;
  std::vector<std::string> groups;
  if (by.machine_tags) {
    for (const DeviceGroup& group : core.deps.machines.groups(by)) {
      groups.push_back(group.name);
    }
  }
  std::string out;
  ObjectText object(out);
  object.text("name", by.requestor);
  object.text_if_any("application", by.application);
  append_list(object.value("roles"), names_of(core.deps.user_access.rights.roles_of(by)));
  append_list(object.value("permissions"), permission_names(by));
  object.boolean("liveResponseAdvanced", by.may_any(bit(Permission::live_response_advanced)));
  append_list(object.value("groups"), groups);
  object.boolean("allMachines", !by.machine_tags);
  object.time("expires", by.expires);
  object.close();
  core.answer(*call, 200, std::move(out));
}

void get_machine_state(Core& core, const CallPtr& call) {
  if (auto none = refuse_options(call->query); !none) {
    core.refuse(*call, none.error());
    return;
  }
  core.deps.machines.get(call->principal, call->params.front(),
                         [&core, call](Result<MachineView> found) {
                           if (!found) {
                             core.refuse(*call, found.error());
                             return;
                           }
                           std::string out;
                           ObjectText object(out);
                           object.boolean("online", found->connected);
                           object.time_or_null("since", found->connected_since);
                           object.text_if_any("agentVersion", found->machine.agent_version);
                           object.time("lastSeen", found->machine.last_seen);
                           object.boolean("quarantined", found->machine.quarantine.has_value());
                           object.close();
                           core.answer(*call, 200, std::move(out));
                         });
}

void get_online_machines(Core& core, const CallPtr& call) {
  auto page = parse_page(call->query, core.bounds.list.top_max, core.bounds.list.skip_max);
  if (!page) {
    core.refuse(*call, page.error());
    return;
  }
  core.deps.machines.online(
      call->principal, [&core, call, page = *page](Result<std::vector<MachineId>> online) {
        if (!online) {
          core.refuse(*call, online.error());
          return;
        }
        const std::size_t from = std::min<std::size_t>(page.skip, online->size());
        const std::size_t to = from + std::min<std::size_t>(page.top, online->size() - from);
        std::string out = "{\"value\":[";
        for (std::size_t i = from; i < to; ++i) {
          out += (i > from ? ",\"" : "\"") + (*online)[i].text() + "\"";
        }
        core.answer(*call, 200, out + "]}");
      });
}

}  // namespace reachback::server::rest
