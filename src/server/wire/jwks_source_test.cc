// Issuers on loopback whose keys change, fail and come back.
#include "server/wire/jwks_source.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "net/http_server.h"
#include "server/auth_jwt/verifier_fixture.h"

namespace reachback::server {
namespace {

constexpr const char* kAudience = "api://reachback";
constexpr Duration kLong = std::chrono::hours(10);  // longer than any test
constexpr Duration kShort = std::chrono::milliseconds(50);

SigningKey fresh_key() {
  return *SigningKey::from_pem(generate_signing_key());
}
std::string set_of(const std::vector<SigningKey>& keys) {
  std::string out = R"({"keys":[)";
  for (const SigningKey& key : keys) {
    out += (&key == &keys.front() ? "" : ",") + key.jwk();
  }
  return out + "]}";
}

// Serves a discovery document and a key set; either may be anything.
class Provider {
 public:
  explicit Provider(net::LoopPool& pool)
      : server_(net::HttpServer::listen(pool, "127.0.0.1:0", nullptr, {}, [this](auto exchange) {
                  answer(*exchange);
                }).value()) {
    MutexLock lock(mutex_);
    document_ = R"({"issuer":")" + issuer() + R"(","jwks_uri":")" + issuer() + R"(/keys"})";
  }
  std::string issuer() const { return "http://" + server_->address(); }
  void publish(const std::vector<SigningKey>& keys) { serve(200, set_of(keys)); }
  void serve(int status, std::string keys) {
    MutexLock lock(mutex_);
    status_ = status;
    keys_ = std::move(keys);
  }
  void set_document(std::string text) {
    MutexLock lock(mutex_);
    document_ = std::move(text);
  }
  int asked() const {  // for its keys
    MutexLock lock(mutex_);
    return asked_;
  }
  std::string token(const SigningKey& key) const {
    const std::int64_t now_s = to_micros(kNow) / 1'000'000;
    const json::Object header{{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", key.kid()}};
    const json::Object claims{{"aud", kAudience},    {"iss", issuer()}, {"iat", now_s},
                              {"exp", now_s + 3600}, {"sub", "u-17"},   {"scp", "Machine.Read"}};
    return forge(json::write(header), json::write(claims), key_signer(key));
  }

 private:
  void answer(net::Exchange& exchange) {
    net::Response response;
    MutexLock lock(mutex_);
    if (exchange.request().path() == "/keys") {
      ++asked_;
      response.status = status_;
      response.body = keys_;
    } else {
      response.status = 200;
      response.body = document_;
    }
    exchange.respond(std::move(response));
  }

  mutable Mutex mutex_;
  std::string document_ RB_GUARDED_BY(mutex_), keys_ RB_GUARDED_BY(mutex_) = "{}";
  int status_ RB_GUARDED_BY(mutex_) = 200, asked_ RB_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<net::HttpServer> server_;
};

class JwksSourceTest : public ::testing::Test {
 protected:
  ~JwksSourceTest() override { end(); }

  void start(const std::vector<Provider*>& providers, JwksTimes times) {
    VerifierOptions options;
    options.public_url = World::kUrl;
    options.on_unknown_key = [this](const std::string& issuer) { requests_.ask(issuer); };
    std::vector<IssuerConfig> configs;
    for (Provider* provider : providers) {
      options.external.push_back(ExternalIssuer{provider->issuer(), TenantId(), {kAudience}});
      IssuerConfig config;
      config.issuer = provider->issuer();
      configs.push_back(config);
    }
    verifier_ = std::move(JwtVerifier::create(std::move(options), audiences_)).value();
    auto source = JwksSource::start(configs, *verifier_, requests_, pool_.at(0), times);
    ASSERT_TRUE(source.ok()) << source.error().message;
    source_ = std::move(source).value();
  }
  // On the loop's thread, as the server does it.
  void end() {
    on_loop([this] { source_.reset(); });
  }
  void on_loop(std::function<void()> work) {
    std::promise<void> done;
    pool_.at(0).post([&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  bool good(const std::string& token) const { return verifier_->verify(token, kNow).ok(); }
  // Asks until it is so; gives up after a time in which nothing can take that long.
  template <typename Condition>
  bool comes_true(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      on_loop([] {});
    }
    return true;
  }

  net::LoopPool pool_{2};
  AudienceList audiences_{World::kUrl, {}};
  KeyRequests requests_;
  std::unique_ptr<JwtVerifier> verifier_;
  std::unique_ptr<JwksSource> source_;
};

TEST_F(JwksSourceTest, an_issuer_that_changes_its_keys_is_followed_at_once) {
  Provider provider(pool_);
  SigningKey old_key = fresh_key(), new_key = fresh_key();
  provider.publish({old_key});
  start({&provider}, {kLong, kLong, kShort});
  EXPECT_TRUE(comes_true([&] { return good(provider.token(old_key)); }));
  provider.publish({new_key, old_key});
  EXPECT_TRUE(comes_true([&] { return good(provider.token(new_key)); }));
  EXPECT_TRUE(good(provider.token(old_key)));
}

TEST_F(JwksSourceTest, tokens_with_made_up_keys_cause_one_fetch_and_no_more_for_a_while) {
  Provider provider(pool_);
  SigningKey key = fresh_key(), made_up = fresh_key();
  provider.publish({key});
  start({&provider}, {kLong, kLong, kLong});
  EXPECT_TRUE(comes_true([&] { return good(provider.token(key)); }));
  const std::string bad = provider.token(made_up);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(good(bad));
  }
  EXPECT_TRUE(comes_true([&] { return provider.asked() == 2; }));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(good(bad));
  }
  for (int i = 0; i < 100; ++i) {
    on_loop([] {});  // whatever it had caused would be under way
  }
  EXPECT_EQ(provider.asked(), 2);
  EXPECT_TRUE(good(provider.token(key)));
}

TEST_F(JwksSourceTest, what_is_asked_for_during_the_rest_is_fetched_at_its_end) {
  Provider provider(pool_);
  SigningKey key = fresh_key(), second = fresh_key(), third = fresh_key();
  provider.publish({key});
  start({&provider}, {kLong, kLong, std::chrono::milliseconds(300)});
  EXPECT_TRUE(comes_true([&] { return good(provider.token(key)); }));
  provider.publish({second});
  EXPECT_TRUE(comes_true([&] { return good(provider.token(second)); }));
  provider.publish({third});
  const std::string token = provider.token(third);
  const int before = provider.asked();
  EXPECT_FALSE(good(token));  // asks once, most likely while the rest of before goes on
  EXPECT_TRUE(comes_true([&] { return provider.asked() > before; }));
  EXPECT_TRUE(comes_true([&] { return good(token); }));
}

TEST_F(JwksSourceTest, the_last_good_keys_stay_while_the_issuer_fails) {
  Provider provider(pool_);
  SigningKey key = fresh_key(), other = fresh_key();
  provider.publish({key});
  start({&provider}, {kLong, std::chrono::milliseconds(1), std::chrono::milliseconds(1)});
  const std::string token = provider.token(key), unknown = provider.token(other);
  EXPECT_TRUE(comes_true([&] { return good(token); }));
  for (const auto& [status, text] :
       std::vector<std::pair<int, std::string>>{{500, "down"},
                                                {404, set_of({other})},
                                                {302, set_of({other})},
                                                {200, "<html>"},
                                                {200, R"({"keys":[]})"},
                                                {200, std::string(300'000, ' ')},
                                                {200, R"({"keys":[{"kty":"oct","k":"AA"}]})"}}) {
    provider.serve(status, text);
    const int before = provider.asked();
    EXPECT_FALSE(good(unknown));
    EXPECT_TRUE(comes_true([&] { return provider.asked() >= before + 3; })) << "it is tried again";
    EXPECT_TRUE(good(token)) << status << text.substr(0, 20);
    EXPECT_FALSE(good(unknown));
  }
  provider.publish({other});
  EXPECT_TRUE(comes_true([&] { return good(unknown); }));
  EXPECT_FALSE(good(token));
}

TEST_F(JwksSourceTest, keys_that_a_document_of_another_issuer_names_are_not_taken) {
  Provider provider(pool_), other(pool_);
  SigningKey key = fresh_key();
  provider.publish({key});
  const std::string token = provider.token(key);
  const std::string keys = R"(","jwks_uri":")" + provider.issuer() + R"(/keys"})";
  for (const std::string& document :
       {R"({"issuer":")" + other.issuer() + keys, R"({"issuer":")" + provider.issuer() + "/" + keys,
        R"({"jwks_uri":")" + provider.issuer() + R"(/keys"})",
        R"({"issuer":")" + provider.issuer() + R"(","jwks_uri":"http://192.0.2.1/keys"})",
        R"({"issuer":")" + provider.issuer() + R"("})", std::string("[]")}) {
    provider.set_document(document);
    start({&provider}, {kLong, kLong, std::chrono::milliseconds(1)});
    for (int i = 0; i < 20; ++i) {
      EXPECT_FALSE(good(token)) << document;
      on_loop([] {});
    }
    end();
    EXPECT_EQ(provider.asked(), 0) << document;
  }
}

TEST_F(JwksSourceTest, issuers_do_not_know_each_others_keys) {
  Provider one(pool_), two(pool_);
  SigningKey key_of_one = fresh_key(), key_of_two = fresh_key(), next_of_one = fresh_key();
  one.publish({key_of_one});
  two.publish({key_of_two});
  start({&one, &two}, {kLong, kLong, kLong});
  EXPECT_TRUE(comes_true([&] { return good(one.token(key_of_one)); }));
  EXPECT_TRUE(comes_true([&] { return good(two.token(key_of_two)); }));
  EXPECT_FALSE(good(one.token(key_of_two)));
  EXPECT_FALSE(good(two.token(key_of_one)));
  one.publish({next_of_one});
  EXPECT_TRUE(comes_true([&] { return two.asked() == 2; }));
  EXPECT_TRUE(good(two.token(key_of_two)));
  EXPECT_FALSE(good(two.token(next_of_one)));
}

TEST_F(JwksSourceTest, it_may_end_while_keys_are_asked_for) {
  Provider provider(pool_);
  SigningKey key = fresh_key(), other = fresh_key();
  provider.publish({key});
  const std::string unknown = provider.token(other);
  for (int round = 0; round < 8; ++round) {
    start({&provider}, {std::chrono::milliseconds(1), std::chrono::milliseconds(1),
                        std::chrono::milliseconds(1)});
    std::atomic<bool> asking{true};
    std::atomic<int> asked{0};
    std::thread thread([&] {
      while (asking) {
        EXPECT_FALSE(good(unknown));
        ++asked;
      }
    });
    EXPECT_TRUE(comes_true([&] { return asked > 5; }));
    end();
    asking = false;
    thread.join();
  }
}

TEST(JwksSource, an_address_that_anybody_could_change_is_refused) {
  net::LoopPool pool(1);
  AudienceList audiences(World::kUrl, {});
  VerifierOptions options;
  options.public_url = World::kUrl;
  auto verifier = std::move(JwtVerifier::create(options, audiences)).value();
  KeyRequests requests;
  for (const char* address : {"http://login.example", "ftp://127.0.0.1", "login.example"}) {
    IssuerConfig config;
    config.issuer = address;
    auto source = JwksSource::start({config}, *verifier, requests, pool.at(0));
    ASSERT_FALSE(source.ok()) << address;
    EXPECT_EQ(source.error().code, Errc::invalid_input);
    EXPECT_NE(source.error().message.find(address), std::string::npos);
  }
}

}  // namespace
}  // namespace reachback::server
