// The agents' HTTP surface on fakes: enrolment (trust.md §5.8), and addresses.
#include "server/link/link_fixture.h"

namespace reachback::server {
namespace {

// ---- enrolment (§5.8)

TEST_F(LinkTest, enrolment_makes_the_machine_whose_id_follows_from_its_key) {
  net::Response r = enroll(enrollment("token", key_));
  ASSERT_EQ(r.status, 200) << r.body;
  auto body = json::parse(r.body);
  EXPECT_EQ(body->as_object().at("machineId").as_string(),
            to_hex(as_bytes(crypto::sha256(key_.public_key().spki()))).substr(0, 40));
  EXPECT_EQ(body->as_object().at("orderKeys").as_array().size(), 1u);
}

TEST_F(LinkTest, enrolment_5_8_1_to_3_blank_unknown_expired_and_used_up_tokens_get_one_answer) {
  add_token("short", std::chrono::seconds(1), 1);
  add_token("once", std::chrono::hours(1), 1);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(enroll(enrollment("once", crypto::Ed25519PrivateKey::generate())).status, 200);
  std::string first;
  for (const char* token : {"", " \t", "unknown", "short", "once"}) {
    clock_.advance(std::chrono::minutes(2));  // Of failures, three in a minute are enough here.
    net::Response r = enroll(enrollment(token, crypto::Ed25519PrivateKey::generate()));
    EXPECT_EQ(r.status, 401) << token;
    std::string said = r.body.substr(0, r.body.find("target"));
    EXPECT_TRUE(first.empty() || said == first);
    first = said;
  }
  json::Object none = enrollment("", key_);
  none.erase("token");
  EXPECT_EQ(enroll(none).status, 401);
}

TEST_F(LinkTest, enrolment_5_8_4_guesses_are_counted_by_address) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(enroll(enrollment(i == 0 ? "" : "guess", key_)).status, 401);
  }
  EXPECT_EQ(enroll(enrollment("guess", key_)).status, 429);
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 429);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);
}

TEST_F(LinkTest, enrolment_5_8_7_keys_of_other_kinds_are_refused) {
  // Good SubjectPublicKeyInfos, made with `openssl genpkey | openssl pkey -pubout -outform DER`.
  const std::pair<const char*, const char*> keys[] = {
      {"RSA-1024",
       "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC63w/"
       "YJW7UpGzt+1b72U9MCIREHokl9jvnvSMiih6Z3XUzwZWbn1U8"
       "sYFQZIEvCR8WvO9ubRKB/"
       "VUftzT8vKlGoNXZo4bcNEutHED+wYGBfGNco6yDYIpZSWipCGhLCfueEjhNpFyJFOK27w5y"
       "TpVIIBonxV45r4tpgOXlPAtbVwIDAQAB"},
      {"P-192",
       "MEkwEwYHKoZIzj0CAQYIKoZIzj0DAQEDMgAE8LbhS7Xp3bVmv6BYC5jsxzhvXAoZjtm6W2Y6vm5+"
       "EKnWufjAXjPpaKeb"
       "dZi4r7lM"},
      {"P-256",
       "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpP4W+sCSMy/DaQB4WY8e47nWIkIn0/"
       "XfphpFYWEd6dGxHWUNzkTUnnNM"
       "XtDz831melXrhIbPuYRIcdg2izokKA=="}};
  for (const auto& [name, spki] : keys) {
    json::Object body = enrollment("token", key_);
    body["publicKey"] = spki;
    EXPECT_EQ(enroll(body).status, 400) << name;
  }
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);  // none of them spent the token
}

// A lost reply and a captured request look the same, and give nothing but the answer that the
// machine had: the key stays on it, and the answer holds no secret. docs/compatibility.md says so.
TEST_F(LinkTest, enrolment_5_8_20_the_same_request_again_is_the_same_machine_and_spends_nothing) {
  add_token("once", std::chrono::hours(1), 1);
  const json::Object request = enrollment("once", key_);
  net::Response first = enroll(request);
  ASSERT_EQ(first.status, 200);
  net::Response replay = enroll(request);
  EXPECT_EQ(replay.status, 200);
  EXPECT_EQ(replay.body, first.body);
  EXPECT_EQ(enroll(enrollment("once", crypto::Ed25519PrivateKey::generate())).status, 401);
}

TEST_F(LinkTest, enrolment_5_8_5_to_7_a_key_that_is_not_proven_or_not_ed25519_is_refused) {
  json::Object wrong = enrollment("token", key_);
  wrong["signature"] = to_base64(key_.sign("something else"));
  EXPECT_EQ(enroll(wrong).status, 400);
  json::Object trailing = enrollment("token", key_);
  trailing["publicKey"] = to_base64(key_.public_key().spki() + "x");
  EXPECT_EQ(enroll(trailing).status, 400);
  json::Object junk = enrollment("token", key_);
  junk["publicKey"] = "not base64!";
  EXPECT_EQ(enroll(junk).status, 400);
}

TEST_F(LinkTest, enrolment_5_8_9_the_same_key_again_is_the_same_machine) {
  net::Response first = enroll(enrollment("token", key_));
  net::Response second = enroll(enrollment("token", key_));
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(json::parse(first.body)->at("machineId"), json::parse(second.body)->at("machineId"));
  EXPECT_EQ(enroll(enrollment("token", crypto::Ed25519PrivateKey::generate())).status,
            200);  // one use was left
}

TEST_F(LinkTest, enrolment_5_8_11_a_host_name_is_bounded_and_has_no_NUL) {
  EXPECT_EQ(enroll(enrollment("token", key_, std::string(254, 'a'))).status, 400);
  EXPECT_EQ(enroll(enrollment("token", key_, std::string("a\0b", 3))).status, 400);
  EXPECT_EQ(enroll(enrollment("token", key_, "<script>\x1b[31m")).status, 200);
}

TEST_F(LinkTest, enrolment_5_8_14_a_large_body_is_413_and_other_paths_are_404) {
  EXPECT_EQ(post("/agent/v1/enroll", std::string((64 << 10) + 1, ' ')).status, 413);
  EXPECT_EQ(post("/agent/v1/enroll", "", "GET").status, 405);
  EXPECT_EQ(post("/api/machines", "").status, 404);
  EXPECT_EQ(post("/agent/v1/enroll", "{").status, 400);
  EXPECT_EQ(post("/agent/v1/session", "", "GET").status, 426);
}

TEST_F(LinkTest, transport_5_0_15_other_methods_are_405_with_Allow_on_every_path) {
  for (const auto& [path, allowed] : std::vector<std::pair<std::string, std::string>>{
           {"/agent/v1/enroll", "POST"}, {"/agent/v1/session", "GET"}}) {
    for (const char* method : {"TRACE", "CONNECT", "FOO", "PUT", "DELETE"}) {
      net::Response r = post(path, "", method);
      EXPECT_EQ(r.status, 405) << path << " " << method;
      EXPECT_EQ(r.headers.get("Allow"), allowed);
    }
  }
  net::Response proxy = post("host.example:443", "", "CONNECT");
  EXPECT_EQ(proxy.status, 405);
  EXPECT_EQ(proxy.headers.get("Allow"), "GET, POST, PUT");
}

TEST_F(LinkTest, nobody_is_enrolled_before_the_signer_has_been_reached) {
  signer_.keys_version = 0;
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 503);
  signer_.keys_version = 1;
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);
}

// ---- addresses

TEST_F(LinkTest, T02_a_spelling_of_an_agents_address_that_is_not_its_own_is_nowhere) {
  testing::SeededRandom random(2);
  const std::string_view kBits[] = {"/", "//",  "/.",  "/..",    ";a", "%2f", "%2e", "%00",
                                    "%", "%zz", "%25", "%c0%af", "\\", "+",   "A"};
  for (const RouteRow& row : AgentApi::route_rows()) {
    for (int i = 0; i < 1000; ++i) {
      std::string path = row.path;
      for (std::uint64_t n = 1 + random.below(2); n > 0; --n) {
        path.insert(1 + random.below(path.size()), kBits[random.below(std::size(kBits))]);
      }
      net::Request request;
      request.method = row.method;
      request.target = path;
      auto exchange = std::make_shared<testing::FakeExchange>(std::move(request), "{}");
      api_->handle(exchange);
      auto response = exchange->wait();
      ASSERT_TRUE(response.has_value()) << path;
      EXPECT_EQ(response->status, 404) << path;
    }
  }
}

}  // namespace
}  // namespace reachback::server
