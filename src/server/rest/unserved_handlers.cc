// MDE's other machine actions, which agents cannot do: each is read and checked as MDE does, and
// then answered as for a platform that does not have it. Never a pretence of an action.
#include <algorithm>
#include <array>

#include "server/rest/handlers.h"
#include "server/rest/json_body.h"
#include "server/rest/of_call.h"

namespace reachback::server::rest {
namespace {

// The parameter that an action takes beside Comment. Source: mde-spec.md §9.
struct Extra {
  std::string_view address_end;
  std::string_view name;
  bool required;
  std::array<std::string_view, 3> values;  // empty: 40 hex digits
};
constexpr Extra kExtras[] = {
    {"/isolate", "IsolationType", false, {"Full", "Selective", "UnManagedDevice"}},
    {"/runAntiVirusScan", "ScanType", true, {"Quick", "Full", ""}},
    {"/StopAndQuarantineFile", "Sha1", true, {}},
};

Result<void> check_extra(const Extra& extra, const json::Object& object, const Bounds& bounds) {
  constexpr std::size_t kSha1Bytes = 20;
  RB_TRY_ASSIGN(auto value, optional_text(object, extra.name, bounds.title_chars));
  const std::string name(extra.name);
  if (!value || value->empty()) {
    return extra.required ? Error{Errc::missing_parameter, name + " is required"} : Result<void>();
  }
  if (extra.values[0].empty()) {
    auto bytes = from_hex(to_lower(*value));
    return bytes && bytes->size() == kSha1Bytes
               ? Result<void>()
               : Error{Errc::invalid_input, name + " must be 40 hex digits"};
  }
  if (std::find(extra.values.begin(), extra.values.end(), *value) != extra.values.end()) {
    return {};
  }
  std::string allowed;
  for (std::string_view one : extra.values) {
    if (!one.empty()) {
      allowed += std::string(allowed.empty() ? "" : ", ") + std::string(one);
    }
  }
  return Error{Errc::invalid_input, name + " must be one of: " + allowed};
}

Result<void> check(const Core& core, const Call& call) {
  RB_TRY(refuse_options(call.query));
  RB_TRY_ASSIGN(json::Value value, parse_json_object(call.content()));
  RB_TRY(required_text(value.get_object(), "Comment", core.bounds.comment_chars));
  for (const Extra& extra : kExtras) {
    if (call.route->path.ends_with(extra.address_end)) {
      RB_TRY(check_extra(extra, value.get_object(), core.bounds));
    }
  }
  return {};
}

}  // namespace

void post_unserved_action(Core& core, const CallPtr& call) {
  auto id = machine_id(*call);
  if (auto checked = check(core, *call); !id || !checked) {
    core.refuse(*call, id ? checked.error() : id.error());
    return;
  }
  core.deps.machines.get(call->principal, id->text(), [&core, call](Result<MachineView> machine) {
    if (!machine) {
      core.refuse(*call, machine.error());
      return;
    }
    const std::string_view path = call->route->path;
    core.refuse(*call,
                Error{Errc::os_not_supported,
                      std::string(path.substr(path.rfind('/') + 1)) + " is not supported on " +
                          machine->machine.os_platform + " by Reachback's agent"});
  });
}

// No action of ours collects a package.
void get_package_uri(Core& core, const CallPtr& call) {
  auto id = action_id(*call);
  auto options = refuse_options(call->query);
  if (!id || !options) {
    core.refuse(*call, id ? options.error() : id.error());
    return;
  }
  core.deps.live_response.get(call->principal, *id, [&core, call](Result<action::Action> action) {
    core.refuse(*call, action ? Error{Errc::not_found, "Machine action " + action->id.text() +
                                                           " has no investigation package"}
                              : action.error());
  });
}

}  // namespace reachback::server::rest
