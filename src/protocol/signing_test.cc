#include "protocol/signing.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"

namespace reachback::protocol {
namespace {

pb::Order order() {
  pb::Order m;
  m.set_tenant(std::string(16, 't'));
  m.set_machine(std::string(20, 'm'));
  m.set_action(std::string(16, 'a'));
  m.set_epoch(3);
  m.set_generation(std::string(16, 'g'));
  auto* c = m.add_commands();
  c->set_type(pb::GET_FILE);
  c->set_path("/etc/hostname");
  c->set_timeout_ms(1);
  m.set_window_ms(5);
  m.set_session(std::string(16, 's'));
  return m;
}

pb::Hello::Body body(const crypto::Ed25519PrivateKey& key) {
  pb::Hello::Body m;
  m.set_public_key(key.public_key().spki());
  m.set_generation(std::string(16, 'g'));
  m.set_boot(std::string(16, 'b'));
  m.set_nonce(std::string(16, 'n'));
  return m;
}

TEST(Signing, AnOrderVerifiesWithItsKeyOnly) {
  auto key = crypto::Ed25519PrivateKey::generate();
  auto other = crypto::Ed25519PrivateKey::generate();
  auto signed_order = sign_order(order(), key);
  EXPECT_EQ(signed_order.signature().size(), 64u);
  EXPECT_EQ(signed_order.key_id(),
            std::string(as_bytes(crypto::sha256(key.public_key().spki()))).substr(0, 8));
  auto verified = verify_order(signed_order, key.public_key());
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_EQ(verified->epoch(), 3u);
  auto refused = verify_order(signed_order, other.public_key());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
}

TEST(Signing, EveryBitOfAnOrderIsSigned) {
  auto key = crypto::Ed25519PrivateKey::generate();
  auto signed_order = sign_order(order(), key);
  for (std::size_t bit = 0; bit < signed_order.order().size() * 8; ++bit) {
    auto changed = signed_order;
    (*changed.mutable_order())[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    auto result = verify_order(changed, key.public_key());
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Errc::unauthenticated);
  }
}

TEST(Signing, ASignedOrderOverItsLimitsIsAProtocolError) {
  auto key = crypto::Ed25519PrivateKey::generate();
  auto broken = order();
  broken.set_epoch(0);
  auto result = verify_order(sign_order(broken, key), key.public_key());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::protocol);
}

TEST(Signing, AHelloIsBoundToTheChallengeAndTheTlsSession) {
  auto key = crypto::Ed25519PrivateKey::generate();
  const std::string nonce(32, 'c'), exporter(32, 'e');
  auto hello = sign_hello(body(key), nonce, exporter, key);
  auto verified = verify_hello(hello, nonce, exporter);
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_EQ(verified->nonce(), std::string(16, 'n'));
  EXPECT_FALSE(verify_hello(hello, std::string(32, 'd'), exporter).ok());
  EXPECT_FALSE(verify_hello(hello, nonce, std::string(32, 'f')).ok());
  EXPECT_FALSE(verify_hello(hello, nonce, "").ok());
  EXPECT_FALSE(verify_hello(hello, nonce + exporter, "").ok());
  EXPECT_TRUE(verify_hello(sign_hello(body(key), nonce, "", key), nonce, "").ok());
}

TEST(Signing, AHelloCarriesTheKeyThatSignedIt) {
  auto key = crypto::Ed25519PrivateKey::generate();
  auto other = crypto::Ed25519PrivateKey::generate();
  const std::string nonce(32, 'c');
  auto stolen = verify_hello(sign_hello(body(other), nonce, "", key), nonce, "");
  ASSERT_FALSE(stolen.ok());
  EXPECT_EQ(stolen.error().code, Errc::unauthenticated);
  auto no_key = body(key);
  no_key.set_public_key("not a key");
  auto broken = verify_hello(sign_hello(no_key, nonce, "", key), nonce, "");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, Errc::protocol);
}

TEST(Signing, TheMachineIdIsTheKeysDigest) {
  auto key = crypto::Ed25519PrivateKey::generate();
  const std::string spki = key.public_key().spki();
  EXPECT_EQ(machine_id_of(spki).text(), to_hex(as_bytes(crypto::sha256(spki))).substr(0, 40));
}

TEST(Signing, NoFieldOfAnEnrollmentRunsIntoTheNext) {
  EXPECT_NE(enrollment_statement("ab", "c", "d"), enrollment_statement("a", "bc", "d"));
  EXPECT_NE(enrollment_statement("a", "b", "cd"), enrollment_statement("a", "bc", "d"));
  EXPECT_EQ(enrollment_statement("a", "b", "c"), enrollment_statement("a", "b", "c"));
}

TEST(Signing, AReceiptVerifiesWithTheKeyOfItsMachineOnly) {
  auto key = crypto::Ed25519PrivateKey::generate();
  pb::Receipt r;
  r.set_machine(std::string(machine_id_of(key.public_key().spki()).bytes()));
  r.set_number(1);
  r.set_generation(std::string(16, 'g'));
  r.set_action(std::string(16, 'a'));
  r.set_epoch(1);
  r.set_order_sha256(std::string(32, 'o'));
  r.set_outcome(pb::COMPLETED);
  EXPECT_TRUE(verify_receipt(sign_receipt(r, key), key.public_key()).ok());
  auto other = crypto::Ed25519PrivateKey::generate();
  EXPECT_FALSE(verify_receipt(sign_receipt(r, other), key.public_key()).ok());
  EXPECT_FALSE(verify_receipt(sign_receipt(r, other), other.public_key()).ok());
  r.clear_order_sha256();
  EXPECT_EQ(verify_receipt(sign_receipt(r, key), key.public_key()).error().code, Errc::protocol);
}

TEST(Signing, AListOfOrderKeysCountsOnTheWordOfAKnownKey) {
  auto old_key = crypto::Ed25519PrivateKey::generate();
  auto new_key = crypto::Ed25519PrivateKey::generate();
  pb::OrderKeys list;
  list.set_version(2);
  list.add_keys(new_key.public_key().spki());
  EXPECT_TRUE(
      verify_order_keys(sign_order_keys(list, {new_key, old_key}), {old_key.public_key()}).ok());
  EXPECT_FALSE(verify_order_keys(sign_order_keys(list, {new_key}), {old_key.public_key()}).ok());
  EXPECT_FALSE(verify_order_keys(sign_order_keys(list, {}), {old_key.public_key()}).ok());
  auto changed = sign_order_keys(list, {old_key});
  list.set_version(3);
  changed.set_keys(list.SerializeAsString());
  EXPECT_FALSE(verify_order_keys(changed, {old_key.public_key()}).ok());
  list.set_keys(0, "no key");
  EXPECT_FALSE(verify_order_keys(sign_order_keys(list, {old_key}), {old_key.public_key()}).ok());
}

TEST(Signing, OneKindOfSignatureNeverStandsForAnother) {
  auto key = crypto::Ed25519PrivateKey::generate();
  pb::SignedReceipt receipt;
  receipt.set_receipt(order().SerializeAsString());
  receipt.set_signature(sign_order(order(), key).signature());
  EXPECT_EQ(verify_receipt(receipt, key.public_key()).error().code, Errc::unauthenticated);
  pb::SignedOrderKeys keys;
  keys.set_keys(order().SerializeAsString());
  auto* signature = keys.add_signatures();
  signature->set_key_id(key_id(key.public_key()));
  signature->set_signature(sign_order(order(), key).signature());
  EXPECT_EQ(verify_order_keys(keys, {key.public_key()}).error().code, Errc::unauthenticated);
}

}  // namespace
}  // namespace reachback::protocol
