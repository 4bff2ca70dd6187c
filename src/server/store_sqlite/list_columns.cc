#include "server/store_sqlite/list_columns.h"

#include <algorithm>

#include "server/action/action.h"
#include "server/ports/listing.h"
#include "server/store_sqlite/action_rows.h"
#include "server/store_sqlite/machine_rows.h"

namespace reachback::server {
namespace {

using odata::Node;
using odata::Op;
using odata::Term;

// rb_action, rb_group: list_functions.h.
constexpr Column kActionColumns[] = {
    {"id", "id", Encoding::guid},
    {"title", "rb_action(document, 'title')"},
    {"requestor", "requestor"},
    {"requestorComment", "rb_action(document, 'requestorComment')"},
    {"status", "status"},
    {"machineId", "machine", Encoding::hex},
    {"computerDnsName", "host"},
    {"creationDateTimeUtc", "created"},
    {"lastUpdateDateTimeUtc", "updated"},
    {"cancellationRequestor", "rb_action(document, 'cancellationRequestor')"},
    {"cancellationComment", "rb_action(document, 'cancellationComment')"},
    {"cancellationDateTimeUtc", "rb_action(document, 'cancellationDateTimeUtc')"},
    {"externalId", "external_id"},
    {"requestSource", "rb_action(document, 'requestSource')"}};

// The numbers are those of Health.
constexpr Column kMachineColumns[] = {
    {"id", "id", Encoding::hex},
    {"computerDnsName", "lower(name)"},
    {"firstSeen", "first_seen"},
    {"lastSeen", "last_seen"},
    {"osPlatform", "os_platform"},
    {"osProcessor", "nullif(os_processor, '')"},
    {"version", "nullif(os_version, '')"},
    {"lastIpAddress", "nullif(last_ip, '')"},
    {"lastExternalIpAddress", "nullif(last_external_ip, '')"},
    {"agentVersion", "nullif(agent_version, '')"},
    {"osBuild", "os_build"},
    {"healthStatus",
     "CASE WHEN quarantined IS NOT NULL THEN 2 WHEN rb_active(id, last_seen) THEN 0 ELSE 1 END"},
    {"deviceValue", "device_value"},
    {"rbacGroupId", "rb_group(tags, 'id')"},
    {"rbacGroupName", "rb_group(tags, 'name')"},
    {"machineTags", "id IN (SELECT machine FROM machine_tags WHERE tenant = ?1 AND ",
     Encoding::list},
    {"osArchitecture", "nullif(os_architecture, '')"},
    {"osDistribution", "nullif(os_distribution, '')"}};
static_assert(static_cast<int>(Health::active) == 0 && static_cast<int>(Health::inactive) == 1 &&
              static_cast<int>(Health::impaired) == 2);

constexpr Column kLibraryColumns[] = {{"fileName", "name"},
                                      {"sha256", "sha256", Encoding::hex},
                                      {"description", "description"},
                                      {"creationTime", "created"},
                                      {"lastUpdatedTime", "updated"},
                                      {"createdBy", "created_by"},
                                      {"hasParameters", "has_parameters"},
                                      {"parametersDescription", "parameters_description"}};

// What every row that fits must fit by itself.
class Conditions {
 public:
  explicit Conditions(const Node& filter) {
    if (filter.kind == Node::Kind::term) {
      add(filter);
    } else if (filter.kind == Node::Kind::all) {
      for (const Node& child : filter.children) {
        add(child);
      }
    }
  }

  // One of some values, and not null.
  bool among(const odata::Property* property) const { return among_of(property) != nullptr; }
  bool equal(const odata::Property* property) const {
    const Term* term = among_of(property);
    return term != nullptr && term->values.size() == 1;
  }
  bool at_least(const odata::Property* property) const {
    return std::any_of(terms_.begin(), terms_.end(), [property](const Term* t) {
      return t->property == property && (t->op == Op::gt || t->op == Op::ge);
    });
  }
  // Only statuses that few actions have at a time.
  bool unfinished(const odata::Property* status) const {
    const Term* term = among_of(status);
    return term != nullptr &&
           std::all_of(term->values.begin(), term->values.end(), [](const odata::Value& v) {
             return !is_final(static_cast<action::Status>(std::get<std::int64_t>(v)));
           });
  }

 private:
  void add(const Node& node) {
    if (node.kind == Node::Kind::term) {
      terms_.push_back(&node.term);
    }
  }
  const Term* among_of(const odata::Property* property) const {
    for (const Term* t : terms_) {
      if (t->property == property && t->op == Op::in && !t->negated &&
          !odata::is_null(t->values[0])) {
        return t;
      }
    }
    return nullptr;
  }

  std::vector<const Term*> terms_;
};

// SQLite does not know how many actions have a status or a requestor, so the choice is made here:
// what leaves few rows first, then what gives them newest first without sorting.
const char* action_index(const odata::Query& query, bool few_machines) {
  static const odata::Entity& e = action_entity();
  static const auto* const kId = e.find("id");
  static const auto* const kMachine = e.find("machineId");
  static const auto* const kExternal = e.find("externalId");
  static const auto* const kStatus = e.find("status");
  static const auto* const kRequestor = e.find("requestor");
  static const auto* const kHost = e.find("computerDnsName");
  static const auto* const kUpdated = e.find("lastUpdateDateTimeUtc");
  const Conditions must(query.filter);
  if (must.among(kId)) {
    return " INDEXED BY actions_id";
  }
  if (must.among(kMachine)) {
    return " INDEXED BY actions_machine";
  }
  if (must.among(kExternal)) {
    return " INDEXED BY actions_external";
  }
  if (must.unfinished(kStatus)) {
    return " INDEXED BY actions_status";
  }
  if (few_machines) {
    return " INDEXED BY actions_machine";
  }
  if (must.equal(kRequestor)) {
    return must.equal(kStatus) ? " INDEXED BY actions_requestor_status"
                               : " INDEXED BY actions_requestor";
  }
  if (must.equal(kHost)) {
    return " INDEXED BY actions_host";
  }
  if (must.equal(kStatus)) {
    return " INDEXED BY actions_status";
  }
  bool by_update = !query.order.empty() && query.order[0].property == kUpdated;
  return by_update || must.at_least(kUpdated) || must.equal(kUpdated)
             ? " INDEXED BY actions_updated"
             : " INDEXED BY actions_newest";
}

const char* any_index(const odata::Query&, bool) {
  return "";
}

}  // namespace

const ListTable& action_table() {
  static const ListTable table{
      action_entity(), "actions",    "SELECT " RB_ACTION_COLUMNS " FROM actions WHERE key = ?",
      kActionColumns,  action_index, "machine"};
  return table;
}

const ListTable& machine_table() {
  static const ListTable table{
      machine_entity(), "machines", "SELECT " RB_MACHINE_COLUMNS " FROM machines WHERE key = ?",
      kMachineColumns,  any_index,  "id"};
  return table;
}

const ListTable& library_table() {
  static const ListTable table{library_entity(),
                               "library_names",
                               "SELECT " RB_FILE_COLUMNS " FROM library_names WHERE key = ?",
                               kLibraryColumns,
                               any_index,
                               nullptr};
  return table;
}

}  // namespace reachback::server
