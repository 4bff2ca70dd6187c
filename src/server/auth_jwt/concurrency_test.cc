#include <gtest/gtest.h>

#include <thread>

#include "server/auth_jwt/verifier_fixture.h"

namespace reachback::server {
namespace {

TEST(VerifierConcurrency, calls_revocations_and_key_changes_may_run_at_once) {
  World world(/*verdicts_max=*/64);
  std::vector<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    tokens.push_back(world.issue());
  }
  for (int i = 0; i < 5; ++i) {
    json::Object claims = world.user_claims();
    claims["jti"] = std::to_string(i);
    tokens.push_back(world.user_token(world.user_header(), claims));
  }
  AppId other = *AppId::parse("00000000-0000-4000-8000-000000000001");
  std::string jwks = R"({"keys":[)" + rsa_2048().jwk("users-1") + "]}";
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&world, &tokens, &refused, t] {
      for (std::size_t i = 0; i < 600; ++i) {
        refused +=
            world.verdict(tokens[(i * 7 + static_cast<std::size_t>(t)) % tokens.size()]) != "ok";
      }
    });
  }
  threads.emplace_back([&world, other, jwks] {
    for (int i = 0; i < 50; ++i) {
      world.verifier->revoke_app(other, kNow + std::chrono::seconds(i));
      EXPECT_TRUE(world.verifier->set_jwks(World::kUsers, jwks).ok());
    }
  });
  threads.emplace_back([&world] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(world.issue().starts_with("eyJ"));
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(refused, 0);
}

TEST(VerifierConcurrency, keys_of_ours_may_change_while_tokens_are_made_and_checked) {
  World world(/*verdicts_max=*/64);
  std::atomic<bool> changing{true};
  std::atomic<int> refused{0}, made{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&world, &changing, &refused, &made] {
      while (changing || made < 30) {
        refused += world.verdict(world.issue()) != "ok";
        refused += !KeySet::parse(world.issuer.jwks()).ok();
        ++made;
      }
    });
  }
  // As the server does it: believed first, then signed with.
  std::vector<SigningKey> keys{world.key};
  for (int i = 0; i < 20; ++i) {
    keys.insert(keys.begin(), *SigningKey::from_pem(generate_signing_key()));
    world.verifier->set_own_keys(keys);
    world.issuer.set_keys(keys);
  }
  changing = false;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(refused, 0);
}

TEST(VerifierConcurrency, no_call_that_begins_after_its_key_is_retired_succeeds) {
  for (int round = 0; round < 20; ++round) {
    World world;
    std::string token = world.issue();
    std::atomic<bool> retired{false};
    std::atomic<int> late{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&world, &token, &retired, &late] {
        for (int i = 0; i < 30; ++i) {
          bool after = retired;
          if (world.verdict(token) == "ok" && after) {
            ++late;
          }
        }
      });
    }
    world.verifier->set_own_keys({own_rsa()});
    retired = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(late, 0);
  }
}

TEST(VerifierConcurrency, no_call_that_begins_after_a_revocation_succeeds) {
  for (int round = 0; round < 20; ++round) {
    World world;
    std::string token = world.issue();
    std::atomic<bool> revoked{false};
    std::atomic<int> late{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&world, &token, &revoked, &late] {
        for (int i = 0; i < 30; ++i) {
          bool after = revoked;
          if (world.verdict(token) == "ok" && after) {
            ++late;
          }
        }
      });
    }
    world.verifier->revoke_app(world.app, kNow + std::chrono::seconds(1));
    revoked = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(late, 0);
  }
}

}  // namespace
}  // namespace reachback::server
