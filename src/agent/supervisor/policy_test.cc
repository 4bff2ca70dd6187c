#include "agent/supervisor/policy.h"

#include <cstdlib>

#include "agent/ports/memory_file.h"
#include "agent/supervisor/test_world.h"
#include "protocol/script_signature.h"

namespace reachback::agent {
namespace {

std::string hash_of(std::string_view text) {
  return std::string(as_bytes(crypto::sha256(text)));
}

pb::Order order_of(pb::CommandType type, const std::string& text = "x") {
  pb::Order order;
  auto* c = order.add_commands();
  c->set_type(type);
  c->set_file_name("a.sh");
  c->set_file_sha256(hash_of(text));
  c->set_path(text);
  return order;
}

std::string why_not(const Policy& policy, const pb::Order& order, LocalMinute now = {}) {
  auto allowed = check_order(policy, order, now);
  return allowed.ok() ? "" : allowed.error().message;
}

TEST(Policy, AllowsEverythingWhereThereIsNone) {
  EXPECT_EQ(why_not({}, order_of(pb::RUN_SCRIPT)), "");
  EXPECT_EQ(why_not({}, order_of(pb::PUT_FILE)), "");
  EXPECT_EQ(why_not({}, order_of(pb::GET_FILE, "/etc/shadow")), "");
}

TEST(Policy, RefusesCommandsThatAreNotOnItsList) {
  Policy policy;
  policy.run_script = policy.put_file = false;
  EXPECT_EQ(why_not(policy, order_of(pb::RUN_SCRIPT)),
            "Policy: RunScript is not allowed on this machine");
  EXPECT_EQ(why_not(policy, order_of(pb::PUT_FILE)),
            "Policy: PutFile is not allowed on this machine");
  EXPECT_EQ(why_not(policy, order_of(pb::GET_FILE)), "");
  auto second = order_of(pb::GET_FILE);
  *second.add_commands() = order_of(pb::RUN_SCRIPT).commands(0);
  EXPECT_NE(why_not(policy, second), "") << "any command of the order";
}

TEST(Policy, KnowsFilesByTheirHash) {
  Policy policy;
  policy.denied_sha256 = {hash_of("bad")};
  EXPECT_EQ(why_not(policy, order_of(pb::RUN_SCRIPT, "bad")),
            "Policy: a.sh is forbidden on this machine");
  EXPECT_EQ(why_not(policy, order_of(pb::RUN_SCRIPT, "good")), "");
  policy.allowed_sha256 = {hash_of("good"), hash_of("bad")};
  EXPECT_EQ(why_not(policy, order_of(pb::RUN_SCRIPT, "good")), "");
  EXPECT_NE(why_not(policy, order_of(pb::RUN_SCRIPT, "bad")), "") << "forbidden weighs more";
  EXPECT_EQ(why_not(policy, order_of(pb::RUN_SCRIPT, "other")),
            "Policy: a.sh is not among the files allowed on this machine");
}

TEST(Policy, ReadsBelowItsFoldersOnly) {
  Policy policy;
  policy.read_roots = {"/var/log", "/etc/hosts"};
  for (const char* path : {"/var/log", "/var/log/a/b", "/etc/hosts"}) {
    EXPECT_EQ(why_not(policy, order_of(pb::GET_FILE, path)), "") << path;
  }
  for (const char* path :
       {"/var/logs", "/etc/shadow", "/", "var/log", "/var/log/../../etc/shadow", "/var/log/.."}) {
    EXPECT_NE(why_not(policy, order_of(pb::GET_FILE, path)), "") << path;
  }
}

TEST(Policy, StartsNothingInQuietHours) {
  Policy policy;
  policy.quiet = {
      QuietHours{
          {true, false, false, false, false, false, false}, 22 * 60, 6 * 60, "Mon 22:00-06:00"},
      QuietHours{{false, false, false, false, false, true, true}, 0, 1440, "Sat,Sun"}};
  const auto is_quiet = [&](int weekday, int hour, int minute = 0) {
    return !check_hours(policy, {weekday, hour * 60 + minute}).ok();
  };
  EXPECT_FALSE(is_quiet(0, 21, 59));
  EXPECT_TRUE(is_quiet(0, 22));
  EXPECT_TRUE(is_quiet(1, 5, 59)) << "the night that began on Monday";
  EXPECT_FALSE(is_quiet(1, 6));
  EXPECT_FALSE(is_quiet(0, 5)) << "Sunday's night is not in the list";
  EXPECT_FALSE(is_quiet(1, 23));
  EXPECT_TRUE(is_quiet(5, 0) && is_quiet(5, 23, 59) && is_quiet(6, 12));
  EXPECT_EQ(why_not(policy, order_of(pb::RUN_SCRIPT), {5, 0}),
            "Policy: nothing starts on this machine in its quiet hours (Sat,Sun)");
}

TEST(Policy, CountsHoursInTheMachinesOwnTime) {
  ::setenv("TZ", "UTC-2", 1);
  ::tzset();
  const auto at = local_minute(*parse_time("2026-11-29T23:30:00Z"));  // a Sunday; Monday 01:30 here
  EXPECT_EQ(at.weekday, 0);
  EXPECT_EQ(at.minute, 90);
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Policy, WantsASignatureOfItsKeysOrAKnownHash) {
  const auto key = crypto::Ed25519PrivateKey::generate();
  Policy policy;
  policy.require_signature = true;
  policy.signing_keys = {crypto::Ed25519PrivateKey::generate().public_key(), key.public_key()};
  policy.allowed_sha256 = {hash_of("listed")};
  const auto check = [&](const std::string& text) {
    auto file = sealed_memory_file(text);
    return check_script(policy, order_of(pb::RUN_SCRIPT, text).commands(0), file->get());
  };
  EXPECT_TRUE(check(protocol::sign_script("echo hi\n", key)).ok());
  EXPECT_TRUE(check(protocol::sign_script(std::string(200'000, 'x'), key)).ok());
  EXPECT_TRUE(check("listed").ok());
  const auto other = crypto::Ed25519PrivateKey::generate();
  for (const std::string& text :
       {std::string("echo hi\n"), std::string(), protocol::sign_script("echo hi\n", other),
        protocol::sign_script("echo hi\n", key) + "rm -rf /\n",
        "x" + protocol::sign_script("echo hi\n", key)}) {
    auto refused = check(text);
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().message.starts_with("SignatureRequired: "));
  }
  EXPECT_TRUE(why_not(policy, order_of(pb::PUT_FILE, "any")).starts_with("SignatureRequired: "));
  EXPECT_EQ(why_not(policy, order_of(pb::PUT_FILE, "listed")), "");
}

class PolicyWorld : public World {
 protected:
  void use(Policy policy) {
    policy_ = std::move(policy);
    start_agent();
    connect();
  }
};

TEST_F(PolicyWorld, AnOrderThatItRefusesIsNotJournalledAndTheServerHearsWhy) {
  Policy policy;
  policy.run_script = false;
  use(policy);
  send_order();
  EXPECT_EQ(said(), Said{"refused Policy"});
  policy.run_script = policy.require_signature = true;
  policy.signing_keys = {machine_key_.public_key()};
  use(policy);
  send_order();
  EXPECT_EQ(said(), Said{"refused SignatureRequired"});
  EXPECT_TRUE(journal_->state().actions.empty());
  EXPECT_TRUE(processes_.starts.empty());
  send_order({protocol::sign_script("echo hi\n", machine_key_)});
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
}

TEST_F(PolicyWorld, ACommandThatComesWhenQuietHoursHaveBegunIsNotStarted) {
  Policy policy;
  const int minute = local_minute(clock_.now_).minute;
  QuietHours soon;
  soon.from = (minute + 2) % 1440;
  soon.to = (minute + 62) % 1440;
  policy.quiet = {soon};
  use(policy);
  send_order({"a", "b"});
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  clock_.pass(std::chrono::minutes(3));
  processes_.end(0);
  acknowledge(0);
  said();
  upload_all();
  EXPECT_EQ(processes_.starts.size(), 1u);
}

}  // namespace
}  // namespace reachback::agent
