// GET /api/reachback/audit.
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/json_text.h"

namespace reachback::server::rest {
namespace {

Result<ActivityQuery> parse_query(const Pairs& pairs, const Bounds& bounds) {
  ActivityQuery out;
  out.top = bounds.audit_page_default;
  for (const auto& [name, value] : pairs) {
    if (equals_ignore_case(name, "$top")) {
      RB_TRY_ASSIGN(out.top, parse_bounded("$top", value, bounds.audit_page));
      if (out.top == 0) {
        return Error{Errc::invalid_query, "$top must be at least 1"};
      }
    } else if (is_option(name) || name.starts_with('$')) {
      return not_supported(name);
    }
  }
  auto one = [&pairs](std::string_view name) -> Result<std::string> {
    auto values = values_of(pairs, name);
    return values.size() > 1 ? Result<std::string>(there_twice(name))
                             : std::string(values.empty() ? "" : values.front());
  };
  RB_TRY(one("$top"));
  RB_TRY_ASSIGN(out.before, one("before"));
  RB_TRY_ASSIGN(out.who, one("who"));
  RB_TRY_ASSIGN(out.what, one("what"));
  RB_TRY_ASSIGN(const std::string machine, one("machineId"));
  RB_TRY_ASSIGN(const std::string action, one("actionId"));
  out.machine = MachineId::parse(machine);
  out.action = ActionId::parse(action);
  if (!machine.empty() && !out.machine) {
    return Error{Errc::invalid_input, "machineId is no machine id (40 hex digits)"};
  }
  if (!action.empty() && !out.action) {
    return Error{Errc::invalid_input, "actionId is no action id (a GUID)"};
  }
  return out;
}

void render(std::string& out, const ActivityRecord& record) {
  const AuditItem& item = record.item;
  const bool access = record.source == AuditSource::access;
  ObjectText object(out);
  // One number for both chains: even ones are the database's.
  object.number("sequence", static_cast<std::int64_t>(2 * item.record + (access ? 1 : 0)));
  object.text("chain", access ? "access" : "database");
  object.number("record", static_cast<std::int64_t>(item.record));
  object.time("time", item.at);
  object.text("what", item.kind);
  object.text("who", item.principal);
  object.text_if_any("tokenId", item.token_id);
  object.text_if_any("machineId", item.machine ? item.machine->text() : "");
  object.text_if_any("actionId", item.action ? item.action->text() : "");
  if (item.command) {
    object.number("commandIndex", *item.command);
  } else {
    object.null("commandIndex");
  }
  object.text_if_any("object", item.object);
  object.text_if_any("detail", item.detail);
  object.text_if_any("outcome", item.result);
  object.text_if_any("peerIp", item.peer_ip);
  object.text_if_any("requestHash", item.request);
  object.close();
}

std::string render(const ActivityPage& page) {
  std::string out = "{\"value\":[";
  for (std::size_t i = 0; i < page.records.size(); ++i) {
    out += i > 0 ? "," : "";
    render(out, page.records[i]);
  }
  out += "],\"nextBefore\":";
  if (page.next_before.empty()) {
    return out + "null}";
  }
  append_json_string(out, page.next_before);
  return out + "}";
}

}  // namespace

void get_audit(Core& core, const CallPtr& call) {
  auto query = parse_query(call->query, core.bounds);
  if (!query) {
    core.refuse(*call, query.error());
    return;
  }
  const bool taken = core.deps.background.post([&core, call, query = *query] {
    auto page = core.deps.activity.read(call->principal, query);
    if (!page) {
      core.refuse(*call, page.error());
      return;
    }
    core.answer(*call, 200, render(*page));
  });
  if (!taken) {
    core.refuse(*call, Error{Errc::unavailable, "too much waits to be done"});
  }
}

}  // namespace reachback::server::rest
