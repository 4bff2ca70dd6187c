#include "testing/fake_users.h"

#include <algorithm>

#include "base/bytes.h"

namespace reachback::testing {
namespace {

using server::DeviceGroup;
using server::User;
using server::UserChange;
using server::UserGrant;

Error no_such_user() {
  return Error{Errc::not_found, "no such user"};
}
Error no_such_grant() {
  return Error{Errc::not_found, "no such grant"};
}

}  // namespace

FakeUsers::Known* FakeUsers::find(const TenantId& tenant, const UserId& id) {
  auto at = users_.find({tenant, id});
  return at == users_.end() ? nullptr : &at->second;
}

Result<void> FakeUsers::check_groups(const TenantId& tenant,
                                     const std::vector<std::int32_t>& groups) const {
  for (std::int32_t id : groups) {
    if (std::none_of(groups_.begin(), groups_.end(),
                     [&](const DeviceGroup& g) { return g.tenant == tenant && g.id == id; })) {
      return Error{Errc::invalid_input, "no device group " + std::to_string(id)};
    }
  }
  return {};
}

void FakeUsers::end_grants_of(const TenantId& tenant, const UserId& id, Timestamp now) {
  for (auto& [key, grant] : grants_) {
    if (grant.tenant == tenant && grant.user == id && !grant.ended) {
      grant.ended = now;
    }
  }
}

void FakeUsers::add_user(User user, server::ChangedBy by, Done<void> done) {
  note(std::move(by));
  answer<void>(std::move(done), [&]() -> Result<void> {
    for (const auto& [key, other] : users_) {
      if (key.first == user.tenant &&
          (key.second == user.id || to_lower(other.user.name) == to_lower(user.name))) {
        return Error{Errc::already_exists, "there is such a user"};
      }
    }
    RB_TRY(check_groups(user.tenant, user.groups));
    std::sort(user.groups.begin(), user.groups.end());
    users_[{user.tenant, user.id}] = {user, 0};
    return {};
  });
}

void FakeUsers::user(TenantId tenant, UserId id, Done<User> done) {
  answer<User>(std::move(done), [&]() -> Result<User> {
    Known* known = find(tenant, id);
    return known != nullptr ? Result<User>(known->user) : no_such_user();
  });
}

void FakeUsers::user_by_name(TenantId tenant, std::string name, Done<User> done) {
  answer<User>(std::move(done), [&]() -> Result<User> {
    for (const auto& [key, known] : users_) {
      if (key.first == tenant && to_lower(known.user.name) == to_lower(name)) {
        return known.user;
      }
    }
    return no_such_user();
  });
}

void FakeUsers::users(TenantId tenant, Done<std::vector<User>> done) {
  answer<std::vector<User>>(std::move(done), [&]() -> Result<std::vector<User>> {
    std::vector<User> all;
    for (const auto& [key, known] : users_) {
      if (key.first == tenant) {
        all.push_back(known.user);
      }
    }
    std::sort(all.begin(), all.end(),
              [](const User& a, const User& b) { return to_lower(a.name) < to_lower(b.name); });
    return all;
  });
}

void FakeUsers::change_user(TenantId tenant, UserId id, UserChange change, server::ChangedBy by,
                            Done<User> done) {
  note(std::move(by));
  answer<User>(std::move(done), [&]() -> Result<User> {
    Known* known = find(tenant, id);
    if (known == nullptr) {
      return no_such_user();
    }
    User& u = known->user;
    if (change.groups) {
      RB_TRY(check_groups(tenant, *change.groups));
      u.groups = *change.groups;
      std::sort(u.groups.begin(), u.groups.end());
    }
    if (change.totp_key) {
      known->step = 0;
    }
    u.password = change.password.value_or(u.password);
    u.totp_key = change.totp_key.value_or(u.totp_key);
    u.roles = change.roles.value_or(u.roles);
    u.disabled = change.disabled.value_or(u.disabled);
    if (change.valid_from) {
      u.valid_from = *change.valid_from;
      end_grants_of(tenant, id, *change.valid_from);
    }
    return u;
  });
}

void FakeUsers::remove_user(TenantId tenant, UserId id, server::ChangedBy by, Done<void> done) {
  note(std::move(by));
  answer<void>(std::move(done), [&]() -> Result<void> {
    if (users_.erase({tenant, id}) == 0) {
      return no_such_user();
    }
    // When they ended is not looked at: nothing that is asked with a user's token finds the user.
    end_grants_of(tenant, id, Timestamp{});
    return {};
  });
}

void FakeUsers::use_code(TenantId tenant, UserId id, std::uint64_t step, Done<void> done) {
  answer<void>(std::move(done), [&]() -> Result<void> {
    Known* known = find(tenant, id);
    if (known == nullptr) {
      return no_such_user();
    }
    if (known->step >= step) {
      return Error{Errc::conflict, "this one-time code, or a later one, was used"};
    }
    known->step = step;
    return {};
  });
}

void FakeUsers::add_group(DeviceGroup group, server::ChangedBy by, Done<DeviceGroup> done) {
  note(std::move(by));
  answer<DeviceGroup>(std::move(done), [&]() -> Result<DeviceGroup> {
    for (const DeviceGroup& other : groups_) {
      if (other.tenant == group.tenant && other.name == group.name) {
        return Error{Errc::already_exists, "there is such a device group"};
      }
    }
    group.id = ++last_group_;
    groups_.push_back(group);
    return group;
  });
}

void FakeUsers::groups(TenantId tenant, Done<std::vector<DeviceGroup>> done) {
  answer<std::vector<DeviceGroup>>(std::move(done), [&]() -> Result<std::vector<DeviceGroup>> {
    std::vector<DeviceGroup> all;
    std::copy_if(groups_.begin(), groups_.end(), std::back_inserter(all),
                 [&](const DeviceGroup& g) { return g.tenant == tenant; });
    return all;
  });
}

void FakeUsers::remove_group(TenantId tenant, std::int32_t id, server::ChangedBy by,
                             Done<void> done) {
  note(std::move(by));
  answer<void>(std::move(done), [&]() -> Result<void> {
    if (!check_groups(tenant, {id})) {
      return Error{Errc::not_found, "no such device group"};
    }
    for (const auto& [key, known] : users_) {
      const auto& groups = known.user.groups;
      if (key.first == tenant && std::find(groups.begin(), groups.end(), id) != groups.end()) {
        return Error{Errc::conflict, "user '" + known.user.name + "' is assigned to the group"};
      }
    }
    std::erase_if(groups_, [&](const DeviceGroup& g) { return g.id == id; });
    return {};
  });
}

void FakeUsers::add_grant(UserGrant grant, Done<void> done) {
  answer<void>(std::move(done), [&]() -> Result<void> {
    grants_[{grant.tenant, grant.id}] = grant;
    return {};
  });
}

void FakeUsers::grant(TenantId tenant, GrantId id, Done<UserGrant> done) {
  answer<UserGrant>(std::move(done), [&]() -> Result<UserGrant> {
    auto at = grants_.find({tenant, id});
    return at != grants_.end() ? Result<UserGrant>(at->second) : no_such_grant();
  });
}

void FakeUsers::refresh_grant(TenantId tenant, GrantId id, Sha256 old, Sha256 fresh, Timestamp now,
                              Timestamp expires, Done<UserGrant> done) {
  answer<UserGrant>(std::move(done), [&]() -> Result<UserGrant> {
    auto at = grants_.find({tenant, id});
    if (at == grants_.end()) {
      return no_such_grant();
    }
    UserGrant& grant = at->second;
    if (grant.token != old || grant.ended || now >= grant.expires) {
      grant.ended = grant.ended.value_or(now);
      return Error{Errc::conflict, "the refresh token does not count any more"};
    }
    UserGrant before = grant;
    grant.token = fresh;
    grant.expires = expires;
    return before;
  });
}

void FakeUsers::end_grant(TenantId tenant, GrantId id, Timestamp now, Done<void> done) {
  answer<void>(std::move(done), [&]() -> Result<void> {
    auto at = grants_.find({tenant, id});
    if (at == grants_.end()) {
      return no_such_grant();
    }
    at->second.ended = at->second.ended.value_or(now);
    return {};
  });
}

void FakeUsers::ended_grants(Timestamp since, Done<std::vector<UserGrant>> done) {
  answer<std::vector<UserGrant>>(std::move(done), [&]() -> Result<std::vector<UserGrant>> {
    std::vector<UserGrant> all;
    for (const auto& [key, grant] : grants_) {
      if (grant.ended && *grant.ended >= since) {
        all.push_back(grant);
      }
    }
    return all;
  });
}

void FakeUsers::forget_grants(Timestamp before, Done<void> done) {
  answer<void>(std::move(done), [&]() -> Result<void> {
    std::erase_if(grants_, [&](const auto& entry) {
      const UserGrant& g = entry.second;
      return g.expires < before || (g.ended && *g.ended < before);
    });
    return {};
  });
}

}  // namespace reachback::testing
