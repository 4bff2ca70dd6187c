#include "fleet/fleet_state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"

namespace reachback::fleet {
namespace {

class FleetStateTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<FleetState>> open(const FleetServer& given) {
    return FleetState::open(path_, given, random_);
  }
  std::unique_ptr<FleetState> reopen(std::size_t agents = 3) {
    auto state = open({}).value();
    EXPECT_TRUE(state->resize(agents).ok());
    return state;
  }
  std::unique_ptr<FleetState> make() {
    auto state = open({"https://127.0.0.1:1", "pem", "token"}).value();
    EXPECT_TRUE(state->resize(3).ok());
    return state;
  }

  testing::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/fleet";
  testing::SeededRandom random_{1};
};

TEST_F(FleetStateTest, ASecondRunIsTheSameMachines) {
  std::string first_key;
  {
    auto state = make();
    first_key = state->key(0).public_key().spki();
    EXPECT_NE(state->key(1).public_key().spki(), first_key);
    EXPECT_FALSE(state->is_enrolled(1));
    ASSERT_TRUE(state->set_enrolled(1).ok());
    EXPECT_EQ(state->contact(2), "");
    ASSERT_TRUE(state->set_contact(2, std::string(16, 'c')).ok());
  }
  auto state = reopen();
  EXPECT_EQ(state->key(0).public_key().spki(), first_key);
  EXPECT_EQ(state->server().url, "https://127.0.0.1:1");
  EXPECT_EQ(state->server().ca_pem, "pem");
  EXPECT_EQ(state->server().token, "token");
  EXPECT_FALSE(state->is_enrolled(0));
  EXPECT_TRUE(state->is_enrolled(1));
  EXPECT_EQ(state->contact(1), "");
  EXPECT_EQ(state->contact(2), std::string(16, 'c'));
}

TEST_F(FleetStateTest, AnotherFolderIsOtherMachines) {
  auto state = make();
  auto other =
      FleetState::open(folder_.path() + "/other", {"https://127.0.0.1:1", "pem", ""}, random_);
  EXPECT_NE((*other)->key(0).public_key().spki(), state->key(0).public_key().spki());
}

TEST_F(FleetStateTest, ASmallerRunLeavesTheOthersAsTheyAre) {
  ASSERT_TRUE(make()->set_enrolled(2).ok());
  ASSERT_TRUE(reopen(1)->set_enrolled(0).ok());
  auto state = reopen(5);
  EXPECT_TRUE(state->is_enrolled(0));
  EXPECT_TRUE(state->is_enrolled(2));
  EXPECT_FALSE(state->is_enrolled(4));
}

TEST_F(FleetStateTest, WhatIsGivenReplacesWhatIsThere) {
  make();
  const auto state = open({"https://127.0.0.1:2", "", "newer"}).value();
  EXPECT_EQ(state->server().url, "https://127.0.0.1:2");
  EXPECT_EQ(state->server().ca_pem, "pem");
  EXPECT_EQ(state->server().token, "newer");
}

TEST_F(FleetStateTest, WithoutAFleetAServerIsNeeded) {
  const auto state = open({});
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().code, Errc::invalid_input);
  EXPECT_NE(state.error().message.find("--server"), std::string::npos);
}

TEST_F(FleetStateTest, TwoFleetsOnOneFolderAreTwoClonesAndRefused) {
  auto state = make();
  const auto second = open({});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::already_active);
  state.reset();
  EXPECT_TRUE(open({}).ok());
}

TEST_F(FleetStateTest, OthersSeeNothingOfIt) {
  make();
  struct stat status{};
  for (const char* name : {"", "/fleet.json", "/agents"}) {
    ASSERT_EQ(::stat((path_ + name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 077, 0u) << name;
  }
}

TEST_F(FleetStateTest, JournalsAreThereOnce) {
  make();
  EXPECT_EQ(reopen()->take_journals().value(), std::vector<std::string>(3));
  ASSERT_TRUE(reopen()->save_journals({"zero", "", "two"}).ok());
  EXPECT_EQ(reopen(1)->take_journals().value(), (std::vector<std::string>{"zero", "", "two"}));
  EXPECT_EQ(reopen()->take_journals().value(), std::vector<std::string>(3));
}

TEST_F(FleetStateTest, KeepsTheNewestOrderKeys) {
  agent::Identity identity;
  identity.tenant = *TenantId::from_bytes(std::string(16, 't'));
  identity.order_keys = {crypto::Ed25519PrivateKey::generate().public_key()};
  {
    auto state = make();
    ASSERT_TRUE(state->set_common(identity).ok());
    agent::Identity newer = identity;
    newer.order_keys_version = 2;
    newer.order_keys = {crypto::Ed25519PrivateKey::generate().public_key()};
    ASSERT_TRUE(state->set_common(newer).ok());
    ASSERT_TRUE(state->set_common(identity).ok());  // of an agent that is behind
    identity = newer;
  }
  const auto common = reopen()->common();
  EXPECT_EQ(common.tenant, identity.tenant);
  EXPECT_EQ(common.order_keys_version, 2u);
  ASSERT_EQ(common.order_keys.size(), 1u);
  EXPECT_EQ(common.order_keys[0].spki(), identity.order_keys[0].spki());
}

TEST_F(FleetStateTest, AFolderOfAnotherVersionIsRefused) {
  make();
  ASSERT_TRUE(write_file_durably(path_ + "/fleet.json", R"({"format":2,"orderKeys":[]})").ok());
  const auto state = open({});
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace reachback::fleet
