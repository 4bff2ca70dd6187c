// Enrolments that ask for what is not theirs. Numbers are those of docs/bad-input.md, 5.8.
#include "server/link/link_fixture.h"

namespace reachback::server {
namespace {

class BadEnrollmentTest : public LinkTest {
 protected:
  // What is written to the log meanwhile.
  template <typename Work>
  std::string logged(Work work) {
    ::testing::internal::CaptureStderr();
    work();
    return ::testing::internal::GetCapturedStderr();
  }
  std::string machine_of(const net::Response& r) {
    auto body = json::parse(r.body);
    return body && body->is_object() && body->get_object().contains("machineId")
               ? std::string(body->get_object().at("machineId").as_string())
               : "";
  }
};

// There is no certificate to ask for: the id follows from the key, the tenant from the token.
TEST_F(BadEnrollmentTest,
       enrolment_5_8_8_and_12_members_that_ask_for_another_id_or_more_rights_are_passed_over) {
  const MachineId victim = enrolled();
  const Machine before = machine(victim);
  auto key = crypto::Ed25519PrivateKey::generate();
  json::Object body = enrollment("token", key, "web-02");
  body["machineId"] = victim.text();
  body["tenantId"] = std::string(36, '0');
  body["tags"] = json::Array{"tier:domain-controller"};
  body["ca"] = true;
  body["subjectAltName"] = json::Array{"reachback-server"};
  net::Response r = enroll(body);
  ASSERT_EQ(r.status, 200) << r.body;
  const MachineId own = protocol::machine_id_of(key.public_key().spki());
  EXPECT_EQ(machine_of(r), own.text());
  EXPECT_EQ(machine(own).tenant, tenant_);
  EXPECT_EQ(machine(own).tags, std::vector<std::string>());
  EXPECT_EQ(machine(victim).name, before.name);
  EXPECT_EQ(machine(victim).public_key, before.public_key);
}

TEST_F(BadEnrollmentTest,
       enrolment_5_8_10_a_machine_of_another_tenant_is_409_with_an_alarm_and_stays_there) {
  const MachineId id = enrolled();
  EnrollmentToken token;
  token.tenant = *TenantId::from_bytes(std::string(16, 'o'));
  token.token = crypto::sha256("elsewhere");
  token.expires = clock_.now() + std::chrono::hours(1);
  token.uses_left = 1;
  ASSERT_TRUE(
      wait_for([&](auto d) { stores_.apps().add_tenant(Tenant{token.tenant, "other"}, d); }).ok());
  ASSERT_TRUE(wait_for([&](auto d) { stores_.apps().add_token(token, d); }).ok());
  net::Response r;
  const std::string log = logged([&] { r = enroll(enrollment("elsewhere", key_)); });
  EXPECT_EQ(r.status, 409);
  EXPECT_NE(r.body.find("\"Conflict\""), std::string::npos);
  EXPECT_EQ(r.body.find(id.text()), std::string::npos) << "nothing is told about the other tenant";
  EXPECT_NE(log.find("key_of_another_tenant"), std::string::npos) << log;
  EXPECT_EQ(machine(id).tenant, tenant_);
  EXPECT_EQ(enroll(enrollment("elsewhere", crypto::Ed25519PrivateKey::generate())).status, 200)
      << "the token was not spent";
}

TEST_F(BadEnrollmentTest, enrolment_5_8_10_the_servers_own_key_cannot_be_proven) {
  json::Object body = enrollment("token", key_);
  const std::string spki = signer_.public_key().spki();
  body["publicKey"] = to_base64(spki);
  body["signature"] = to_base64(key_.sign(protocol::enrollment_statement("token", spki, "web-01")));
  EXPECT_EQ(enroll(body).status, 400);
}

TEST_F(BadEnrollmentTest, enrolment_5_8_3_a_refused_token_is_an_alarm) {
  const std::string log =
      logged([&] { EXPECT_EQ(enroll(enrollment("unknown", key_)).status, 401); });
  EXPECT_NE(log.find("enrolment_token"), std::string::npos) << log;
  EXPECT_EQ(log.find("\"unknown\""), std::string::npos) << "the token itself is in no log";
}

TEST_F(BadEnrollmentTest,
       enrolment_5_8_11_and_19_texts_of_the_operating_system_are_bounded_and_otherwise_kept) {
  for (const char* name : {"osPlatform", "osVersion", "osArchitecture", "agentVersion"}) {
    for (const json::Value& value :
         {json::Value(std::string(254, 'v')), json::Value(std::string("a\0b", 3)), json::Value(7),
          json::Value(nullptr), json::Value(json::Array{})}) {
      json::Object body = enrollment("token", key_);
      body[name] = value;
      net::Response r = enroll(body);
      EXPECT_EQ(r.status, 400) << name;
      EXPECT_NE(r.body.find(name), std::string::npos) << r.body;
    }
  }
  json::Object odd = enrollment("token", key_);
  odd["osPlatform"] = "TempleOS";
  odd["osVersion"] = "'; DROP TABLE machines; --";
  ASSERT_EQ(enroll(odd).status, 200);
  const MachineId id = protocol::machine_id_of(key_.public_key().spki());
  EXPECT_EQ(machine(id).os_platform, "TempleOS");
  EXPECT_EQ(machine(id).os_version, "'; DROP TABLE machines; --");
}

TEST_F(BadEnrollmentTest,
       enrolment_5_8_19_a_platform_without_live_response_is_enrolled_and_gets_no_action) {
  json::Object body = enrollment("token", key_);
  body["osPlatform"] = "Windows11";
  ASSERT_EQ(enroll(body).status, 200);
  SubmitRequest r;
  r.machine = protocol::machine_id_of(key_.public_key().spki());
  SubmitCommand c;
  c.file_name = "t.sh";
  r.commands = {c};
  auto refused = wait_for<action::Action>([&](auto d) { live_->submit(by_, r, d); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::os_not_supported);
}

TEST_F(BadEnrollmentTest, enrolment_5_8_13_enrolling_again_ends_no_quarantine) {
  const MachineId id = enrolled();
  ASSERT_TRUE(wait_for([&](auto d) {
                stores_.machines().set_quarantine(tenant_, id, Quarantine{clock_.now(), "a clone"},
                                                  d);
              }).ok());
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);
  ASSERT_TRUE(machine(id).quarantine.has_value());
  EXPECT_EQ(machine(id).quarantine->reason, "a clone");
  auto socket = connected();
  EXPECT_FALSE(hub_.claim(id).has_value());
  action::Action a = submit();
  receive(*socket, beat(1));
  EXPECT_EQ(orders(*socket), 0);
  EXPECT_EQ(get(a.id).status, action::Status::pending);
}

TEST_F(BadEnrollmentTest, enrolment_5_8_13_a_revoked_machine_that_enrols_again_stays_out) {
  Machine m;
  m.public_key = key_.public_key().spki();
  m.id = protocol::machine_id_of(m.public_key);
  m.name = "web-01";
  m.os_platform = "Linux";
  m.revoked = true;
  ASSERT_TRUE(wait_for<Machine>([&](auto d) {
                stores_.machines().enroll(crypto::sha256("token"), m, clock_.now(), d);
              }).ok());
  EXPECT_EQ(enroll(enrollment("token", key_)).status, 200);
  auto socket = connected();
  ASSERT_EQ(socket->sent.size(), 1u);
  EXPECT_TRUE(socket->sent[0].goodbye().permanent());
  EXPECT_NE(socket->closed, 0);
}

}  // namespace
}  // namespace reachback::server
