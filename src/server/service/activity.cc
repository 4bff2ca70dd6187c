#include "server/service/activity.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/bytes.h"
#include "server/service/blocking.h"
#include "server/service/scope.h"

namespace reachback::server {
namespace {

constexpr std::size_t kPieceRecords = 250;

// Takes digits and nothing else.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(out)
                                                                  : std::nullopt;
}

// One chain on its way to its begin.
class Cursor {
 public:
  Cursor(AuditChain& chain, std::uint64_t position) : chain_(chain), position_(position) {}

  // The next record, which stays the next one until pop(); null: there is none.
  Result<const AuditItem*> peek() {
    if (at_ == piece_.items.size() && !piece_.begin) {
      RB_TRY_ASSIGN(piece_, chain_.before(position_, kPieceRecords));
      at_ = 0;
    }
    return at_ < piece_.items.size() ? &piece_.items[at_] : nullptr;
  }
  AuditItem pop() {
    position_ = piece_.items[at_].position;
    return std::move(piece_.items[at_++]);
  }
  std::uint64_t position() const { return position_; }

 private:
  AuditChain& chain_;
  std::uint64_t position_;
  AuditPiece piece_;
  std::size_t at_ = 0;
};

class Reading {
 public:
  Reading(ActionStore& actions, const Principal& by, const ActivityQuery& query)
      : actions_(actions), by_(by), query_(query) {}

  // The machines whose records the caller may see.
  Result<void> take_scope(MachineStore& machines) {
    if (!by_.machine_tags) {
      return {};
    }
    RB_TRY_ASSIGN(auto ids, wait<std::vector<MachineId>>(
                                [&](const auto& done) { machines.ids(scope_of(by_), done); }));
    scope_.emplace(ids.begin(), ids.end());
    return {};
  }

  bool fits(AuditItem& item) {
    if (item.tenant != by_.tenant || (!query_.what.empty() && item.kind != query_.what) ||
        (!query_.who.empty() && !equals_ignore_case(item.principal, query_.who)) ||
        (query_.action && item.action != query_.action)) {
      return false;
    }
    if (!item.machine && item.action) {
      item.machine = machine_of(*item.action);
    }
    if (query_.machine && item.machine != query_.machine) {
      return false;
    }
    return !scope_ || (item.machine && scope_->contains(*item.machine));
  }

 private:
  std::optional<MachineId> machine_of(const ActionId& id) {
    auto known = machines_.find(id);
    if (known == machines_.end()) {
      auto action =
          wait<action::Action>([&](const auto& done) { actions_.get(by_.tenant, id, done); });
      known = machines_.emplace(id, action ? std::optional(action->machine) : std::nullopt).first;
    }
    return known->second;
  }

  ActionStore& actions_;
  const Principal& by_;
  const ActivityQuery& query_;
  std::optional<std::set<MachineId>> scope_;
  std::map<ActionId, std::optional<MachineId>> machines_;
};

}  // namespace

Result<ActivityPage> Activity::read(const Principal& by, const ActivityQuery& query) {
  std::uint64_t database_from = 0, access_from = 0;
  if (query.before.empty()) {
    RB_TRY_ASSIGN(database_from, deps_.database.end());
    RB_TRY_ASSIGN(access_from, deps_.access.end());
  } else {
    const auto dash = std::min(query.before.find('-'), query.before.size());
    const auto first = number(std::string_view(query.before).substr(0, dash));
    const auto second =
        number(std::string_view(query.before).substr(std::min(dash + 1, query.before.size())));
    if (!first || !second) {
      return Error{Errc::invalid_query, "'before' is not a 'nextBefore' of an earlier page"};
    }
    database_from = *first;
    access_from = *second;
  }
  Cursor database(deps_.database, database_from), access(deps_.access, access_from);
  Reading reading(deps_.actions, by, query);
  RB_TRY(reading.take_scope(deps_.machines));
  ActivityPage page;
  bool more = true;
  for (std::size_t looked_at = 0; page.records.size() < query.top && looked_at < scan_max_;
       ++looked_at) {
    RB_TRY_ASSIGN(const AuditItem* of_database, database.peek());
    RB_TRY_ASSIGN(const AuditItem* of_access, access.peek());
    if (of_database == nullptr && of_access == nullptr) {
      more = false;
      break;
    }
    const bool from_access =
        of_database == nullptr || (of_access != nullptr && of_access->at > of_database->at);
    ActivityRecord record{from_access ? AuditSource::access : AuditSource::database,
                          from_access ? access.pop() : database.pop()};
    if (reading.fits(record.item)) {
      page.records.push_back(std::move(record));
    }
  }
  if (more) {
    RB_TRY_ASSIGN(const AuditItem* of_database, database.peek());
    RB_TRY_ASSIGN(const AuditItem* of_access, access.peek());
    more = of_database != nullptr || of_access != nullptr;
  }
  if (more) {
    page.next_before =
        std::to_string(database.position()) + "-" + std::to_string(access.position());
  }
  return page;
}

}  // namespace reachback::server
