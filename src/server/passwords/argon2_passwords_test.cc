#include "server/passwords/argon2_passwords.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>

#include "testing/seeded_random.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

constexpr Argon2Cost kCheap{64, 1, 1};

struct Fixture {
  testing::SeededRandom random{1};
  Argon2Passwords passwords{random, kCheap};
  Result<bool> verify(const std::string& stored, const std::string& password) {
    return wait_for<bool>([&](auto done) { passwords.verify(stored, Secret(password), done); });
  }
};

TEST(Argon2Passwords, only_the_password_verifies) {
  Fixture f;
  auto stored = f.passwords.hash(Secret("correct horse battery"));
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_TRUE(stored->starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
  EXPECT_EQ(stored->find("horse"), std::string::npos);
  EXPECT_TRUE(*f.verify(*stored, "correct horse battery"));
  EXPECT_FALSE(*f.verify(*stored, "correct horse battery "));
  EXPECT_FALSE(*f.verify(*stored, ""));
  EXPECT_FALSE(*f.verify(*stored, std::string(100'000, 'x')));
}

TEST(Argon2Passwords, what_is_stored_costs_what_rfc_9106_recommends) {
  testing::SeededRandom random(1);
  Argon2Passwords passwords(random);
  auto stored = passwords.hash(Secret("correct horse battery"));
  ASSERT_TRUE(stored.ok());
  EXPECT_TRUE(stored->starts_with("$argon2id$v=19$m=65536,t=3,p=4$")) << *stored;
}

TEST(Argon2Passwords, the_same_password_has_many_hashes) {
  Fixture f;
  std::set<std::string> all;
  for (int i = 0; i < 20; ++i) {
    all.insert(*f.passwords.hash(Secret("correct horse battery")));
  }
  EXPECT_EQ(all.size(), 20u);
}

TEST(Argon2Passwords, nobodys_hash_takes_no_password) {
  Fixture f;
  EXPECT_FALSE(*f.verify("", ""));
  EXPECT_FALSE(*f.verify("", "correct horse battery"));
}

TEST(Argon2Passwords, a_damaged_hash_is_told_apart_from_a_wrong_password) {
  Fixture f;
  std::string stored = *f.passwords.hash(Secret("correct horse battery"));
  EXPECT_EQ(f.verify("plain text", "plain text").error().code, Errc::corrupt);
  EXPECT_EQ(f.verify(stored.substr(0, 30), "correct horse battery").error().code, Errc::corrupt);
}

TEST(Argon2Passwords, a_password_has_bounds) {
  Fixture f;
  for (const std::string& bad :
       {std::string(), std::string(kPasswordBytesMin - 1, 'x'),
        std::string(kPasswordBytesMax + 1, 'x'), std::string("\xff\xfe not utf-8 at all")}) {
    EXPECT_EQ(f.passwords.hash(Secret(bad)).error().code, Errc::invalid_input) << bad;
  }
  for (std::size_t n : {kPasswordBytesMin, kPasswordBytesMax}) {
    std::string password(n, 'y');
    EXPECT_TRUE(*f.verify(*f.passwords.hash(Secret(password)), password));
  }
}

TEST(Argon2Passwords, a_full_queue_says_so_and_every_call_is_answered_once) {
  testing::SeededRandom random(1);
  std::atomic<int> answered{0}, refused{0};
  std::promise<void> entered, release;
  {
    Argon2Passwords passwords(random, kCheap, 2);
    passwords.verify("", Secret("x"), [&](const Result<bool>&) {
      entered.set_value();
      release.get_future().wait();  // the thread is busy: what follows waits
      ++answered;
    });
    entered.get_future().wait();
    for (int i = 0; i < 5; ++i) {
      passwords.verify("", Secret("x"), [&](const Result<bool>& r) {
        ++answered;
        refused += !r && r.error().code == Errc::too_many_requests ? 1 : 0;
      });
    }
    EXPECT_EQ(refused, 3);
    release.set_value();
  }
  EXPECT_EQ(answered, 6);
}

}  // namespace
}  // namespace reachback::server
