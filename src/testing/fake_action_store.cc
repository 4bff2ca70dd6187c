#include <algorithm>

#include "server/action/step.h"
#include "testing/fake_stores.h"
#include "testing/list_in_memory.h"

namespace reachback::testing {
namespace {

using action::Action;
using server::AuditEntry;
using server::Inserted;

Error misuse(const std::string& what) {
  return Error{Errc::internal, "misuse of the action store: " + what};
}

std::optional<Error> careless(const Action& a, const AuditEntry& audit) {
  if (a.tenant == TenantId() || a.id == ActionId() || a.machine == MachineId()) {
    return misuse("a blank id");
  }
  if (audit.kind.empty() || audit.principal.empty() || audit.at == Timestamp{}) {
    return misuse("an audit entry says what, who and when");
  }
  return std::nullopt;
}

}  // namespace

void FakeActionStore::insert(Action a, std::optional<server::IdempotencyKey> key,
                             server::InsertLimits limits, AuditEntry audit, Done<Inserted> done) {
  if (auto refused = faults_.refusal()) {
    faults_.answer_read<Inserted>(std::move(done), *refused);
    return;
  }
  auto result = insert_now(std::move(a), key, limits, audit);
  faults_.answer_write(std::move(done), std::move(result));
}

Result<Inserted> FakeActionStore::insert_now(Action a,
                                             const std::optional<server::IdempotencyKey>& key,
                                             const server::InsertLimits& limits,
                                             const AuditEntry& audit) {
  MutexLock lock(mutex_);
  if (auto error = careless(a, audit)) {
    return *error;
  }
  std::string broken =
      a.status == action::Status::pending ? broken_invariant(a) : "an action begins as pending";
  if (!broken.empty()) {
    return Error{Errc::internal, broken};
  }
  if (key) {
    auto known = keys_.find({a.tenant, key->caller, key->key});
    if (known != keys_.end()) {
      if (known->second.body != key->body) {
        return Error{Errc::mismatch, "idempotency key came with another body before"};
      }
      return Inserted{actions_.at({a.tenant, known->second.action}), true};
    }
  }
  if (actions_.count({a.tenant, a.id}) != 0) {
    return Error{Errc::already_exists, "there is an action " + a.id.text()};
  }
  std::uint64_t unfinished = 0;
  for (const auto& [id, other] : actions_) {
    if (other.tenant != a.tenant || is_final(other.status)) {
      continue;
    }
    ++unfinished;
    if (other.machine == a.machine) {
      return Error{Errc::already_active, "the machine has an unfinished action"};
    }
  }
  if (limits.active_max != 0 && unfinished >= limits.active_max) {
    return Error{Errc::too_many_requests, "too many unfinished actions"};
  }
  a.version = 1;
  actions_[{a.tenant, a.id}] = a;
  if (key) {
    keys_[{a.tenant, key->caller, key->key}] = Known{key->body, a.id};
  }
  audit_.push_back({a.tenant, a.id, audit});
  if (on_write) {
    on_write(nullptr, a);
  }
  return Inserted{std::move(a), false};
}

void FakeActionStore::replace(Action next, AuditEntry audit, Done<Action> done) {
  if (auto refused = faults_.refusal()) {
    faults_.answer_read<Action>(std::move(done), *refused);
    return;
  }
  auto result = replace_now(std::move(next), audit);
  faults_.answer_write(std::move(done), std::move(result));
}

Result<Action> FakeActionStore::replace_now(Action next, const AuditEntry& audit) {
  MutexLock lock(mutex_);
  if (auto error = careless(next, audit)) {
    return *error;
  }
  std::string broken = broken_invariant(next);
  if (!broken.empty() && !ignores_table) {
    return Error{Errc::internal, broken};
  }
  auto stored = actions_.find({next.tenant, next.id});
  if (stored == actions_.end()) {
    return Error{Errc::not_found, "no action " + next.id.text()};
  }
  if (stored->second.version != next.version && !ignores_version) {
    return Error{Errc::conflict, "action " + next.id.text() + " has another version"};
  }
  std::string illegal = illegal_transition(stored->second, next);
  if (!illegal.empty() && !ignores_table) {
    return Error{Errc::internal, illegal};
  }
  next.version = stored->second.version + 1;
  if (on_write) {
    on_write(&stored->second, next);
  }
  stored->second = next;
  audit_.push_back({next.tenant, next.id, audit});
  return next;
}

void FakeActionStore::find_key(TenantId tenant, server::IdempotencyKey key,
                               Done<std::optional<Action>> done) {
  Result<std::optional<Action>> result = std::optional<Action>();
  if (auto refused = faults_.refusal()) {
    result = *refused;
  } else {
    MutexLock lock(mutex_);
    auto known = keys_.find({tenant, key.caller, key.key});
    if (known != keys_.end() && known->second.body != key.body) {
      result = Error{Errc::mismatch, "idempotency key came with another body before"};
    } else if (known != keys_.end()) {
      result = std::optional<Action>(actions_.at({tenant, known->second.action}));
    }
  }
  faults_.answer_read(std::move(done), std::move(result));
}

void FakeActionStore::get(TenantId tenant, ActionId id, Done<Action> done) {
  Result<Action> result = Error{Errc::not_found, "no action " + id.text()};
  if (auto refused = faults_.refusal()) {
    result = *refused;
  } else {
    MutexLock lock(mutex_);
    auto found = actions_.find({tenant, id});
    if (found != actions_.end()) {
      result = found->second;
    }
  }
  faults_.answer_read(std::move(done), std::move(result));
}

void FakeActionStore::active_of(TenantId tenant, MachineId machine,
                                Done<std::optional<Action>> done) {
  Result<std::optional<Action>> result = std::optional<Action>();
  if (auto refused = faults_.refusal()) {
    result = *refused;
  } else {
    MutexLock lock(mutex_);
    for (const auto& [id, a] : actions_) {
      if (a.tenant == tenant && a.machine == machine && !is_final(a.status)) {
        result = std::optional<Action>(a);
      }
    }
  }
  faults_.answer_read(std::move(done), std::move(result));
}

void FakeActionStore::list(server::MachineScope scope, server::odata::Query query,
                           server::ListBounds bounds, Done<server::ActionPage> done) {
  if (auto refused = faults_.refusal()) {
    faults_.answer_read<server::ActionPage>(std::move(done), *refused);
    return;
  }
  std::vector<Action> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, a] : actions_) {
      if (a.tenant == scope.tenant) {
        all.push_back(a);
      }
    }
  }
  if (scope.tags) {
    std::erase_if(all, [&](const Action& a) { return !scope.has(tags_of(a.machine)); });
  }
  faults_.answer_read<server::ActionPage>(
      std::move(done), list_in_memory(std::move(all), query, bounds,
                                      [](const Action& a) { return server::getter(a); }));
}

void FakeActionStore::due(Timestamp now, std::size_t limit, Done<std::vector<Action>> done) {
  if (auto refused = faults_.refusal()) {
    faults_.answer_read<std::vector<Action>>(std::move(done), *refused);
    return;
  }
  std::vector<Action> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, a] : actions_) {
      auto at = action::deadline(a);
      if (at && *at <= now) {
        all.push_back(a);
      }
    }
  }
  std::sort(all.begin(), all.end(), [](const Action& a, const Action& b) {
    return std::tuple(action::deadline(a), a.tenant, a.id) <
           std::tuple(action::deadline(b), b.tenant, b.id);
  });
  all.resize(std::min(limit, all.size()));
  faults_.answer_read<std::vector<Action>>(std::move(done), std::move(all));
}

std::vector<FakeActionStore::Audited> FakeActionStore::audit() const {
  MutexLock lock(mutex_);
  return audit_;
}

}  // namespace reachback::testing
