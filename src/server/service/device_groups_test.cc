#include "server/service/device_groups.h"

#include <gtest/gtest.h>

#include "server/service/scope.h"

namespace reachback::server {
namespace {

TenantId tenant(char c) {
  return *TenantId::from_bytes(std::string(TenantId::kBytes, c));
}

DeviceGroup group(std::int32_t id, const std::string& tag) {
  return DeviceGroup{tenant('a'), id, "Group " + std::to_string(id), tag, {}};
}

TEST(DeviceGroups, AMachineIsInTheFirstByIdWhoseTagItHas) {
  DeviceGroups groups;
  EXPECT_FALSE(groups.group_of(tenant('a'), {"x"}));
  EXPECT_TRUE(groups.all(tenant('a'))->empty());
  groups.set(tenant('a'), {group(7, "y"), group(2, "x"), group(3, "x")});
  EXPECT_EQ(groups.group_of(tenant('a'), {"y", "x"}), group(2, "x"));
  EXPECT_EQ(groups.group_of(tenant('a'), {"y"}), group(7, "y"));
  EXPECT_FALSE(groups.group_of(tenant('a'), {"X"}));
  EXPECT_FALSE(groups.group_of(tenant('a'), {}));
  EXPECT_FALSE(groups.group_of(tenant('b'), {"x"}));
  EXPECT_EQ(*groups.all(tenant('a')),
            (std::vector<DeviceGroup>{group(2, "x"), group(3, "x"), group(7, "y")}));
}

TEST(DeviceGroups, WhatIsSetReplacesWhatWasThereAndAListThatIsHeldStays) {
  DeviceGroups groups;
  groups.set(tenant('a'), {group(1, "x")});
  const DeviceGroupList held = groups.all(tenant('a'));
  groups.set(tenant('a'), {group(2, "y")});
  EXPECT_FALSE(groups.group_of(tenant('a'), {"x"}));
  EXPECT_EQ(groups.group_of(tenant('a'), {"y"}), group(2, "y"));
  EXPECT_EQ(*held, std::vector<DeviceGroup>{group(1, "x")});
}

TEST(Scope, HasTheMachinesWithOneOfItsTagsAndWithoutTagsAll) {
  Principal by;
  EXPECT_TRUE(is_in_scope(by, {}));
  by.machine_tags = std::vector<std::string>();
  EXPECT_FALSE(is_in_scope(by, {"x"}));
  by.machine_tags = {"x", "y"};
  EXPECT_TRUE(is_in_scope(by, {"a", "y"}));
  EXPECT_FALSE(is_in_scope(by, {"a", "Y"}));
  EXPECT_FALSE(is_in_scope(by, {}));
}

}  // namespace
}  // namespace reachback::server
