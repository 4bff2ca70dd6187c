// The entities of the API as compact JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/action/action.h"
#include "server/odata/entity.h"
#include "server/service/library.h"
#include "server/service/machines.h"

namespace reachback::server::rest {

// What stands around the items of a list, and how much of each is shown.
struct ListShape {
  std::string set;                             // what the context names
  std::vector<const odata::Property*> select;  // empty: all properties
  std::optional<std::uint64_t> count;          // @odata.count
  std::string next_link;                       // where the list goes on; empty: it ends here
};

// Every property in the order that MDE sends them, nulls too. Source: mde-spec.md §7, clients.md
// §3. `context` is the value of @odata.context.
std::string render_action(std::string_view context, const action::Action& action);
std::string render_actions(std::string_view context, const std::vector<action::Action>& actions,
                           const ListShape& shape = {});

// {"@odata.context","machineId","publicKey","value":[{"index","receipt","signature"}]}: what the
// machine signed about the commands that have ended, bytes in base64. The machine id is the first
// 40 hex digits of the key's SHA-256. Ours.
std::string render_receipts(std::string_view context, const action::Action& action,
                            std::string_view public_key);

// Properties of MDE's that Reachback knows nothing of have their neutral value. Active: connected,
// or seen less than `inactive_after` ago. Source: mde-spec.md §10, clients.md 35.
struct Freshness {
  Timestamp now{};
  Duration inactive_after{};
};
std::string render_machine(std::string_view context, const MachineView& machine, Freshness fresh);
std::string render_machines(std::string_view context, const std::vector<MachineView>& machines,
                            Freshness fresh, const ListShape& shape = {});

// id and name are what MDE's clients read (clients.md 16); the tag is ours.
std::string render_machine_groups(std::string_view context, std::span<const DeviceGroup> groups);

// Source: mde-spec.md §8.1.
std::string render_library_file(std::string_view context, const LibraryFile& file);
std::string render_library(std::string_view context, const std::vector<LibraryFile>& files,
                           const ListShape& shape = {});

// {"@odata.context":...,"value":"<text>"}
std::string render_string(std::string_view context, std::string_view text);
// {"@odata.context":...,"value":[]}
std::string render_empty_list(std::string_view context);

}  // namespace reachback::server::rest
