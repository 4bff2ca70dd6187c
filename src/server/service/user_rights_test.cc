#include "server/service/user_rights.h"

#include <gtest/gtest.h>

#include "testing/sample_action.h"
#include "testing/seeded_random.h"

namespace reachback::server {
namespace {

using testing::sample_time;

class UserRightsTest : public ::testing::Test {
 protected:
  UserRightsTest() {
    ann_.tenant = tenant_;
    ann_.id = UserId::make(random_);
    ann_.roles = bit(UserRole::live_response_basic);
    ann_.valid_from = sample_time(100);
    rights_.set(ann_);
  }
  Principal caller(int issued = 200) {
    Principal p;
    p.tenant = tenant_;
    p.user = UserToken{ann_.id, grant_, sample_time(issued)};
    p.permissions = ~Permissions{0};
    return p;
  }
  Result<Principal> applied(Principal p) {
    RB_TRY(rights_.apply(p));
    return p;
  }

  testing::SeededRandom random_{1};
  TenantId tenant_ = TenantId::make(random_);
  GrantId grant_ = GrantId::make(random_);
  User ann_;
  DeviceGroups groups_;
  UserRights rights_{groups_};
};

TEST_F(UserRightsTest, permissions_are_those_of_scope_and_role) {
  EXPECT_EQ(applied(caller())->permissions, permissions_of(ann_.roles));
  Principal narrow = caller();
  narrow.permissions = bit(Permission::machine_read) | bit(Permission::library_manage);
  EXPECT_EQ(applied(narrow)->permissions, bit(Permission::machine_read));
  EXPECT_EQ(applied(caller())->machine_tags, std::nullopt) << "no group: every machine";
}

TEST_F(UserRightsTest, a_role_is_what_the_table_says) {
  auto may = [&](UserRole role, Permission p) { return (permissions_of(bit(role)) & bit(p)) != 0; };
  using enum Permission;
  for (UserRole role : {UserRole::viewer, UserRole::approver}) {
    EXPECT_TRUE(may(role, machine_read));
    EXPECT_FALSE(may(role, machine_live_response));
    EXPECT_FALSE(may(role, library_manage));
    EXPECT_FALSE(may(role, machine_read_write));
  }
  EXPECT_TRUE(may(UserRole::live_response_basic, machine_live_response));
  EXPECT_FALSE(may(UserRole::live_response_basic, live_response_advanced));
  EXPECT_TRUE(may(UserRole::live_response_advanced, live_response_advanced));
  EXPECT_FALSE(may(UserRole::live_response_advanced, library_manage));
  EXPECT_EQ(permissions_of(bit(UserRole::library)), bit(library_manage));
  for (std::uint32_t p = 1; p <= bit(live_response_advanced); p <<= 1) {
    EXPECT_TRUE(may(UserRole::admin, static_cast<Permission>(p)));
  }
  EXPECT_EQ(permissions_of(0), 0u);
  for (const std::string& name : user_role_names()) {
    EXPECT_EQ(names_of(user_role_of(name)), std::vector<std::string>{name});
  }
  EXPECT_EQ(user_role_of("Viewer"), 0u);
}

TEST_F(UserRightsTest, groups_leave_the_machines_with_their_tags) {
  ann_.groups = {1, 3, 9};
  rights_.set(ann_);
  groups_.set(tenant_, {{tenant_, 1, "web", "tier:web", {}},
                        {tenant_, 2, "db", "tier:db", {}},
                        {tenant_, 3, "eu", "eu", {}}});
  EXPECT_EQ(applied(caller())->machine_tags, (std::vector<std::string>{"tier:web", "eu"}));
  groups_.set(tenant_, {});
  EXPECT_EQ(applied(caller())->machine_tags, std::vector<std::string>())
      << "groups that are gone allow nothing";
}

TEST_F(UserRightsTest, what_was_taken_away_counts_at_once) {
  ASSERT_TRUE(applied(caller()).ok());
  EXPECT_EQ(applied(caller(99)).error().code, Errc::unauthenticated) << "from before valid_from";
  rights_.end_grant(tenant_, grant_, sample_time(300));
  EXPECT_EQ(applied(caller()).error().code, Errc::unauthenticated);
  Principal other = caller();
  other.user->grant = GrantId::make(random_);
  EXPECT_TRUE(applied(other).ok());
  ann_.disabled = true;
  rights_.set(ann_);
  EXPECT_EQ(applied(other).error().code, Errc::unauthenticated);
  ann_.disabled = false;
  rights_.set(ann_);
  EXPECT_TRUE(applied(other).ok());
  rights_.remove(tenant_, ann_.id);
  EXPECT_EQ(applied(other).error().code, Errc::unauthenticated);
}

TEST_F(UserRightsTest, an_ended_grant_is_forgotten_when_its_tokens_have_expired) {
  rights_.end_grant(tenant_, grant_, sample_time(300));
  rights_.forget_ended(sample_time(300));
  EXPECT_FALSE(applied(caller()).ok());
  rights_.forget_ended(sample_time(301));
  EXPECT_TRUE(applied(caller()).ok());
}

TEST_F(UserRightsTest, a_user_of_another_tenant_is_another) {
  Principal p = caller();
  p.tenant = TenantId::make(random_);
  EXPECT_FALSE(applied(p).ok());
}

TEST_F(UserRightsTest, applications_and_foreign_users_stay_as_they_are) {
  Principal p = caller();
  p.user.reset();
  EXPECT_EQ(applied(p)->permissions, ~Permissions{0});
}

}  // namespace
}  // namespace reachback::server
