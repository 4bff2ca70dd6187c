// What every UserStore must do. Include in one test file of a program; see conformance_stores.h.
#pragma once

#include <vector>

#include "testing/conformance_stores.h"
#include "testing/sample_action.h"

namespace reachback::testing {

class UserStoreConformance : public StoresConformance {
 protected:
  using User = server::User;
  using UserGrant = server::UserGrant;
  using DeviceGroup = server::DeviceGroup;

  User fresh(const std::string& name) {
    User u;
    u.tenant = tenant_;
    u.id = UserId::make(random_);
    u.name = name;
    u.password = "$argon2id$" + name;
    u.totp_key = std::string("\0key", 4);
    u.roles = bit(server::UserRole::viewer) | bit(server::UserRole::library);
    u.valid_from = sample_time(1);
    u.created = sample_time(2);
    return u;
  }
  UserGrant fresh_grant(const User& user) {
    UserGrant g;
    g.tenant = tenant_;
    g.id = GrantId::make(random_);
    g.user = user.id;
    g.app = AppId::make(random_);
    g.scopes = {"Machine.Read", "Machine.LiveResponse"};
    g.audience = "https://rb.example";
    g.token = sample_digest(random_);
    g.created = sample_time(10);
    g.expires = sample_time(100);
    return g;
  }
  server::UserStore& users() { return stores_->users(); }
  Result<void> add(const User& u) {
    return wait_for([&](auto done) { users().add_user(u, done); });
  }
  Result<User> get(UserId id) {
    return wait_for<User>([&](auto done) { users().user(tenant_, id, done); });
  }
  Result<User> named(const std::string& name) {
    return wait_for<User>([&](auto done) { users().user_by_name(tenant_, name, done); });
  }
  Result<User> change(UserId id, const server::UserChange& c) {
    return wait_for<User>([&](auto done) { users().change_user(tenant_, id, c, done); });
  }
  Result<void> use_code(UserId id, std::uint64_t step) {
    return wait_for([&](auto done) { users().use_code(tenant_, id, step, done); });
  }
  Result<DeviceGroup> add_group(const std::string& name, const std::string& tag) {
    return wait_for<DeviceGroup>(
        [&](auto done) { users().add_group({tenant_, 0, name, tag, sample_time(3)}, done); });
  }
  Result<std::vector<DeviceGroup>> groups(TenantId tenant) {
    return wait_for<std::vector<DeviceGroup>>([&](auto done) { users().groups(tenant, done); });
  }
  Result<void> remove_group(std::int32_t id) {
    return wait_for([&](auto done) { users().remove_group(tenant_, id, done); });
  }
  Result<void> add(const UserGrant& g) {
    return wait_for([&](auto done) { users().add_grant(g, done); });
  }
  Result<UserGrant> grant(GrantId id) {
    return wait_for<UserGrant>([&](auto done) { users().grant(tenant_, id, done); });
  }
  Result<UserGrant> refresh(const UserGrant& g, const Sha256& old, const Sha256& next, int now) {
    return wait_for<UserGrant>([&](auto done) {
      users().refresh_grant(tenant_, g.id, old, next, sample_time(now), sample_time(now + 100),
                            done);
    });
  }
  Result<void> end(GrantId id, int now) {
    return wait_for([&](auto done) { users().end_grant(tenant_, id, sample_time(now), done); });
  }
  std::vector<UserGrant> ended_since(int since) {
    return *wait_for<std::vector<UserGrant>>(
        [&](auto done) { users().ended_grants(sample_time(since), done); });
  }
};

TEST_P(UserStoreConformance, a_user_is_found_by_id_and_by_name_in_its_tenant) {
  User u = fresh("Ann@corp.example");
  ASSERT_OK(add(u));
  EXPECT_EQ(*get(u.id), u);
  EXPECT_EQ(*named("ann@CORP.example"), u);
  EXPECT_CODE(named("ann"), not_found);
  EXPECT_CODE(get(UserId::make(random_)), not_found);
  EXPECT_CODE(wait_for<User>([&](auto d) { users().user(other_tenant_, u.id, d); }), not_found);
  EXPECT_CODE(wait_for<User>([&](auto d) { users().user_by_name(other_tenant_, u.name, d); }),
              not_found);
  User b = fresh("abe@corp.example");
  ASSERT_OK(add(b));
  EXPECT_EQ(*wait_for<std::vector<User>>([&](auto d) { users().users(tenant_, d); }),
            (std::vector<User>{b, u}));
}

TEST_P(UserStoreConformance, a_name_is_there_once) {
  ASSERT_OK(add(fresh("ann")));
  EXPECT_CODE(add(fresh("ANN")), already_exists);
  User elsewhere = fresh("ann");
  elsewhere.tenant = other_tenant_;
  EXPECT_OK(add(elsewhere));
}

TEST_P(UserStoreConformance, a_change_touches_what_it_names) {
  auto web = *add_group("web", "tier:web");
  User u = fresh("ann");
  ASSERT_OK(add(u));
  u.groups = {web.id};
  u.disabled = true;
  server::UserChange c;
  c.groups = u.groups;
  c.disabled = true;
  EXPECT_EQ(*change(u.id, c), u);
  EXPECT_EQ(*get(u.id), u);
  u.password = "$argon2id$other";
  u.totp_key = "";
  u.roles = bit(server::UserRole::admin);
  u.groups = {};
  u.disabled = false;
  EXPECT_EQ(*change(u.id, {u.password, u.totp_key, u.roles, u.groups, u.disabled, std::nullopt}),
            u);
  EXPECT_EQ(*get(u.id), u);
  EXPECT_CODE(change(UserId::make(random_), {}), not_found);
}

TEST_P(UserStoreConformance, a_group_that_is_not_there_is_refused_and_nothing_is_changed) {
  User u = fresh("ann");
  u.groups = {99};
  EXPECT_CODE(add(u), invalid_input);
  EXPECT_CODE(named("ann"), not_found);
  u.groups = {};
  ASSERT_OK(add(u));
  server::UserChange c;
  c.groups = {99};
  c.roles = bit(server::UserRole::admin);
  EXPECT_CODE(change(u.id, c), invalid_input);
  EXPECT_EQ(*get(u.id), u);
}

TEST_P(UserStoreConformance, a_code_counts_once_and_none_before_it) {
  User u = fresh("ann");
  ASSERT_OK(add(u));
  EXPECT_OK(use_code(u.id, 100));
  EXPECT_CODE(use_code(u.id, 100), conflict);
  EXPECT_CODE(use_code(u.id, 99), conflict);
  EXPECT_OK(use_code(u.id, 101));
  EXPECT_CODE(use_code(UserId::make(random_), 1), not_found);
  server::UserChange c;
  c.totp_key = "new key";
  ASSERT_OK(change(u.id, c));
  EXPECT_OK(use_code(u.id, 50)) << "of another key";
}

TEST_P(UserStoreConformance, device_groups_have_ids_that_are_not_used_again) {
  auto a = add_group("web", "tier:web");
  ASSERT_OK(a);
  auto b = add_group("db", "tier:db");
  ASSERT_OK(b);
  EXPECT_LT(a->id, b->id);
  EXPECT_EQ(*groups(tenant_), (std::vector<DeviceGroup>{*a, *b}));
  EXPECT_TRUE(groups(other_tenant_)->empty());
  EXPECT_CODE(add_group("web", "other"), already_exists);
  EXPECT_OK(remove_group(b->id));
  EXPECT_CODE(remove_group(b->id), not_found);
  EXPECT_GT(add_group("later", "x")->id, b->id);
}

TEST_P(UserStoreConformance, a_group_that_somebody_is_assigned_to_stays) {
  auto web = *add_group("web", "tier:web");
  User u = fresh("ann");
  u.groups = {web.id};
  ASSERT_OK(add(u));
  EXPECT_CODE(remove_group(web.id), conflict);
  ASSERT_OK(wait_for([&](auto d) { users().remove_user(tenant_, u.id, d); }));
  EXPECT_OK(remove_group(web.id));
}

TEST_P(UserStoreConformance, a_grant_is_refreshed_by_the_token_that_counts) {
  User u = fresh("ann");
  ASSERT_OK(add(u));
  UserGrant g = fresh_grant(u);
  ASSERT_OK(add(g));
  EXPECT_EQ(*grant(g.id), g);
  Sha256 second = sample_digest(random_), third = sample_digest(random_);
  EXPECT_EQ(*refresh(g, g.token, second, 50), g);
  UserGrant now = *grant(g.id);
  EXPECT_EQ(now.token, second);
  EXPECT_EQ(now.expires, sample_time(150));
  EXPECT_OK(refresh(g, second, third, 60));
  EXPECT_TRUE(ended_since(0).empty());
  EXPECT_CODE(refresh(fresh_grant(u), g.token, second, 50), not_found);
}

TEST_P(UserStoreConformance, a_token_that_was_used_before_ends_the_grant) {
  User u = fresh("ann");
  UserGrant g = fresh_grant(u);
  ASSERT_OK(add(g));
  Sha256 second = sample_digest(random_), third = sample_digest(random_);
  ASSERT_OK(refresh(g, g.token, second, 50));
  EXPECT_CODE(refresh(g, g.token, third, 51), conflict);
  EXPECT_EQ(grant(g.id)->ended, sample_time(51));
  EXPECT_CODE(refresh(g, second, third, 52), conflict) << "not even by the one that counted";
  ASSERT_EQ(ended_since(51).size(), 1u);
  EXPECT_EQ(ended_since(51)[0].id, g.id);
  EXPECT_TRUE(ended_since(52).empty());
}

TEST_P(UserStoreConformance, a_grant_that_expired_is_not_refreshed) {
  UserGrant g = fresh_grant(fresh("ann"));
  ASSERT_OK(add(g));
  EXPECT_CODE(refresh(g, g.token, sample_digest(random_), 100), conflict);
}

TEST_P(UserStoreConformance, a_grant_ends_once_and_all_end_with_their_user) {
  User u = fresh("ann"), b = fresh("bob");
  ASSERT_OK(add(u));
  ASSERT_OK(add(b));
  UserGrant one = fresh_grant(u), two = fresh_grant(u), other = fresh_grant(b);
  for (const UserGrant& g : {one, two, other}) {
    ASSERT_OK(add(g));
  }
  EXPECT_OK(end(one.id, 20));
  EXPECT_OK(end(one.id, 30));
  EXPECT_EQ(grant(one.id)->ended, sample_time(20));
  EXPECT_CODE(end(GrantId::make(random_), 20), not_found);
  server::UserChange c;
  c.valid_from = sample_time(40);
  EXPECT_EQ(change(u.id, c)->valid_from, sample_time(40));
  EXPECT_EQ(grant(one.id)->ended, sample_time(20));
  EXPECT_EQ(grant(two.id)->ended, sample_time(40));
  EXPECT_EQ(grant(other.id)->ended, std::nullopt);
  EXPECT_OK(wait_for([&](auto d) { users().remove_user(tenant_, b.id, d); }));
  EXPECT_NE(grant(other.id)->ended, std::nullopt);
  EXPECT_CODE(get(b.id), not_found);
}

TEST_P(UserStoreConformance, old_grants_are_forgotten) {
  UserGrant expired = fresh_grant(fresh("ann")), ended = expired, good = expired;
  ended.id = GrantId::make(random_);
  ended.expires = good.expires = sample_time(500);
  good.id = GrantId::make(random_);
  for (const UserGrant& g : {expired, ended, good}) {
    ASSERT_OK(add(g));
  }
  ASSERT_OK(end(ended.id, 120));
  ASSERT_OK(wait_for([&](auto d) { users().forget_grants(sample_time(200), d); }));
  EXPECT_CODE(grant(expired.id), not_found);
  EXPECT_CODE(grant(ended.id), not_found);
  EXPECT_OK(grant(good.id));
}

}  // namespace reachback::testing
