// What the three lists hold, and a piece of one. The descriptions are one table each: a property
// that is added there can be filtered, ordered and selected by, once a store knows its column.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "server/odata/evaluate.h"
#include "server/odata/query.h"

namespace reachback::action {
struct Action;
}

namespace reachback::server {

struct DeviceGroup;
struct LibraryFile;
struct Machine;

// The machines that exist for a caller, and with each what concerns it: those of a tenant, or those
// of them that have one of some tags. Whatever gives out machines or actions by anything but their
// id takes a scope and looks at it in the same statement. Source: trust.md T11.
struct MachineScope {
  TenantId tenant;
  std::optional<std::vector<std::string>> tags;  // unset: every machine; empty: none

  // Of a machine of the tenant, by its tags.
  bool has(const std::vector<std::string>& tags_of_machine) const;
};

struct ListBounds {
  // Of the rows' text, about; one row is given in any case.
  std::uint64_t bytes_max = UINT64_MAX;
  // What a store may spend on the query before it gives it up, about: 5 for a row that an index
  // tells enough of, 100 for one that must be read.
  std::uint64_t work_max = UINT64_MAX;
};

template <typename T>
struct Page {
  std::vector<T> items;
  bool more = false;  // others follow them; never with top 0
  std::uint64_t passed =
      0;  // rows from `skip` to the end of the page, those that cannot be read too
  std::optional<std::uint64_t> count;  // of the filter, when it was asked for
};

// Whether a machine is active, which its row alone does not say. Any thread.
using IsActive = std::function<bool(const MachineId& id, Timestamp last_seen)>;

// By id. null: there are none.
using DeviceGroupList = std::shared_ptr<const std::vector<DeviceGroup>>;
// The group of a machine with these tags; nullptr: it is in none. Borrows the list.
const DeviceGroup* group_of(const DeviceGroupList& groups, const std::vector<std::string>& tags);

// What a machine's properties come from beside its row.
struct MachineContext {
  IsActive active;
  DeviceGroupList groups{};
};

// Source: mde-spec.md §7, §10, §8.1; the names and numbers of choices are MDE's. Names of hosts and
// ids of machines are compared without regard to case, every other text byte by byte.
const odata::Entity& action_entity();
const odata::Entity& machine_entity();
const odata::Entity& library_entity();

// All borrow the row.
odata::Getter getter(const action::Action& action);
odata::Getter getter(const Machine& machine, const MachineContext& context);
odata::Getter getter(const LibraryFile& file);

// The text of a row, as it counts against ListBounds.
std::uint64_t text_bytes(const action::Action& action);
std::uint64_t text_bytes(const Machine& machine);
std::uint64_t text_bytes(const LibraryFile& file);

// The numbers of healthStatus that Reachback gives. Source: mde-spec.md §10.
enum class Health : std::int64_t { active = 0, inactive = 1, impaired = 2 };

}  // namespace reachback::server
