// UserStore in memory. As fake_stores.h says of the others.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/ports/users.h"
#include "testing/faults.h"

namespace reachback::testing {

class FakeUsers : public server::UserStore {
 public:
  using server::UserStore::add_group;
  using server::UserStore::add_user;
  using server::UserStore::change_user;
  using server::UserStore::remove_group;
  using server::UserStore::remove_user;
  void add_user(server::User user, server::ChangedBy by, Done<void> done) override;
  void user(TenantId tenant, UserId id, Done<server::User> done) override;
  void user_by_name(TenantId tenant, std::string name, Done<server::User> done) override;
  void users(TenantId tenant, Done<std::vector<server::User>> done) override;
  void change_user(TenantId tenant, UserId id, server::UserChange change, server::ChangedBy by,
                   Done<server::User> done) override;
  void remove_user(TenantId tenant, UserId id, server::ChangedBy by, Done<void> done) override;
  void use_code(TenantId tenant, UserId id, std::uint64_t step, Done<void> done) override;
  void add_group(server::DeviceGroup group, server::ChangedBy by,
                 Done<server::DeviceGroup> done) override;
  void groups(TenantId tenant, Done<std::vector<server::DeviceGroup>> done) override;
  void remove_group(TenantId tenant, std::int32_t id, server::ChangedBy by,
                    Done<void> done) override;
  // Who asked for the last change.
  server::ChangedBy last_by() {
    MutexLock lock(mutex_);
    return last_by_;
  }
  void add_grant(server::UserGrant grant, Done<void> done) override;
  void grant(TenantId tenant, GrantId id, Done<server::UserGrant> done) override;
  void refresh_grant(TenantId tenant, GrantId id, Sha256 old, Sha256 fresh, Timestamp now,
                     Timestamp expires, Done<server::UserGrant> done) override;
  void end_grant(TenantId tenant, GrantId id, Timestamp now, Done<void> done) override;
  void ended_grants(Timestamp since, Done<std::vector<server::UserGrant>> done) override;
  void forget_grants(Timestamp before, Done<void> done) override;

  Faults& faults() { return faults_; }

 private:
  struct Known {
    server::User user;
    std::uint64_t step = 0;
  };
  template <typename T, typename Work>
  void answer(Done<T> done, Work work) {
    if (auto refused = faults_.refusal()) {
      faults_.answer_read<T>(std::move(done), *refused);
      return;
    }
    Result<T> result = [&] {
      MutexLock lock(mutex_);
      return work();
    }();
    faults_.answer_read<T>(std::move(done), std::move(result));
  }
  void note(server::ChangedBy by) {
    MutexLock lock(mutex_);
    last_by_ = std::move(by);
  }
  // What follows: with the mutex held, by the work given to answer(); the analysis does not see so
  // far.
  Known* find(const TenantId& tenant, const UserId& id);
  Result<void> check_groups(const TenantId& tenant, const std::vector<std::int32_t>& groups) const;
  void end_grants_of(const TenantId& tenant, const UserId& id, Timestamp now);

  Mutex mutex_;
  server::ChangedBy last_by_ RB_GUARDED_BY(mutex_);
  std::map<std::pair<TenantId, UserId>, Known> users_;
  std::vector<server::DeviceGroup> groups_;
  std::int32_t last_group_ = 0;
  std::map<std::pair<TenantId, GrantId>, server::UserGrant> grants_;
  Faults faults_;
};

}  // namespace reachback::testing
