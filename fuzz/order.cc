// Signatures of orders, hellos, receipts and lists of order keys. The harness signs whatever
// decodes: it verifies, and with one bit changed, under another key, another nonce or as another
// kind it does not. What is signed is written out here once more: a prefix for each kind, then the
// bytes.
#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "fuzz/fuzz.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::fuzz {
namespace {

using namespace protocol;
using crypto::Ed25519PrivateKey;
using crypto::Ed25519PublicKey;

struct Keys {
  Ed25519PrivateKey ours = Ed25519PrivateKey::generate(), other = Ed25519PrivateKey::generate(),
                    third = Ed25519PrivateKey::generate();
};

void flip(std::string& bytes, unsigned where) {
  if (!bytes.empty()) {
    bytes[where / 8 % bytes.size()] ^= static_cast<char>(1 << where % 8);
  }
}

std::string prefix(std::string_view kind) {
  return "reachback " + std::string(kind) + " v1" + std::string(1, '\0');
}
std::string digest(std::string_view bytes) {
  return std::string(as_bytes(crypto::sha256(bytes)));
}

// A signature of the same bytes, by the same key, as anything but `kind`; `which` says as what.
std::string of_another_kind(const Ed25519PrivateKey& key, std::string_view kind,
                            std::string_view bytes, unsigned which) {
  static constexpr std::string_view kKinds[] = {"order",   "hello",      "enroll",
                                                "receipt", "order keys", "script"};
  const std::string_view other = kKinds[which % std::size(kKinds)];
  return key.sign((other == kind ? "" : prefix(other)) + std::string(bytes));
}

template <typename Message>
bool read(Message& message, std::string_view bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void check_order(const Keys& keys, Input in) {
  unsigned where = in.byte() * 256u + in.byte();
  pb::Order order;
  if (!read(order, in.rest())) {
    return;
  }
  pb::SignedOrder signed_order = sign_order(order, keys.ours);
  FUZZ_CHECK(signed_order.key_id() == digest(keys.ours.public_key().spki()).substr(0, 8));
  FUZZ_CHECK(keys.ours.public_key().verify(prefix("order") + signed_order.order(),
                                           signed_order.signature()));
  auto verified = verify_order(signed_order, keys.ours.public_key());
  FUZZ_CHECK(verified.ok() == decode_order(signed_order.order()).ok());
  FUZZ_CHECK(!verified || verified->SerializeAsString() == signed_order.order());
  FUZZ_CHECK(verified || verified.error().code == Errc::protocol);

  auto refused = verify_order(signed_order, keys.other.public_key());
  FUZZ_CHECK(!refused && refused.error().code == Errc::unauthenticated);
  pb::SignedOrder changed = signed_order;
  flip(*changed.mutable_order(), where);
  refused = verify_order(changed, keys.ours.public_key());
  FUZZ_CHECK(order.ByteSizeLong() == 0 ||
             (!refused && refused.error().code == Errc::unauthenticated));
  changed = signed_order;
  flip(*changed.mutable_signature(), where);
  FUZZ_CHECK(!verify_order(changed, keys.ours.public_key()));
  changed.set_signature(of_another_kind(keys.ours, "order", signed_order.order(), where));
  FUZZ_CHECK(!verify_order(changed, keys.ours.public_key()));
}

void check_hello(const Keys& keys, Input in) {
  unsigned where = in.byte() * 256u + in.byte();
  pb::Hello::Body body;
  if (!read(body, in.rest())) {
    return;
  }
  body.set_public_key(keys.ours.public_key().spki());
  const std::string nonce(32, 'n'), exporter(where % 2 == 0 ? 0 : 32, 'e');
  pb::Hello hello = sign_hello(body, nonce, exporter, keys.ours);
  auto verified = verify_hello(hello, nonce, exporter);
  FUZZ_CHECK(verified.ok() == decode_hello_body(hello.body()).ok());
  if (!verified) {
    return;
  }
  FUZZ_CHECK(verified->SerializeAsString() == hello.body());
  FUZZ_CHECK(!verify_hello(hello, std::string(32, 'm'), exporter));
  FUZZ_CHECK(exporter.empty() || !verify_hello(hello, nonce + exporter, ""));
  FUZZ_CHECK(!verify_hello(hello, nonce, exporter.empty() ? std::string(32, 'e') : std::string()));
  FUZZ_CHECK(!verify_hello(hello, nonce, "short"));
  pb::Hello changed = hello;
  flip(*changed.mutable_body(), where);
  FUZZ_CHECK(!verify_hello(changed, nonce, exporter));
  changed = sign_hello(body, nonce, exporter, keys.other);
  FUZZ_CHECK(!verify_hello(changed, nonce, exporter));
}

void check_receipt(const Keys& keys, Input in) {
  const unsigned where = in.byte() * 256u + in.byte();
  const std::string spki = keys.ours.public_key().spki();
  pb::Receipt receipt;
  if (!read(receipt, in.rest())) {
    return;
  }
  receipt.set_machine(digest(spki).substr(0, 20));
  const pb::SignedReceipt good = sign_receipt(receipt, keys.ours);
  FUZZ_CHECK(good.receipt() == receipt.SerializeAsString());
  FUZZ_CHECK(keys.ours.public_key().verify(prefix("receipt") + good.receipt(), good.signature()));
  auto verified = verify_receipt(good, keys.ours.public_key());
  FUZZ_CHECK(verified.ok() == decode_receipt(good.receipt()).ok());
  FUZZ_CHECK(!verified || verified->SerializeAsString() == good.receipt());
  FUZZ_CHECK(verified || verified.error().code == Errc::protocol);

  const auto refused = [&](const pb::SignedReceipt& one, const Ed25519PrivateKey& key) {
    auto result = verify_receipt(one, key.public_key());
    return !result && result.error().code == Errc::unauthenticated;
  };
  FUZZ_CHECK(refused(good, keys.other));
  pb::SignedReceipt changed = good;
  flip(*changed.mutable_receipt(), where);
  FUZZ_CHECK(refused(changed, keys.ours));
  changed = good;
  flip(*changed.mutable_signature(), where);
  FUZZ_CHECK(refused(changed, keys.ours));
  changed.set_signature(of_another_kind(keys.ours, "receipt", good.receipt(), where));
  FUZZ_CHECK(refused(changed, keys.ours));
  // In another machine's name: signed well, by a key whose machine it is not.
  FUZZ_CHECK(!verified || refused(sign_receipt(receipt, keys.other), keys.other));
}

// First how many keys of ours the list gets.
void check_order_keys(const Keys& keys, Input in) {
  const unsigned where = in.byte() * 256u + in.byte();
  const unsigned good_keys = in.choice(3);
  pb::OrderKeys list;
  if (!read(list, in.rest())) {
    return;
  }
  for (unsigned i = 0; i < good_keys; ++i) {
    list.add_keys((i == 0 ? keys.ours : keys.third).public_key().spki());
  }
  const Ed25519PublicKey ours = keys.ours.public_key(), other = keys.other.public_key(),
                         third = keys.third.public_key();
  const pb::SignedOrderKeys good = sign_order_keys(list, {keys.other, keys.ours});
  FUZZ_CHECK(good.keys() == list.SerializeAsString() && good.signatures_size() == 2);
  FUZZ_CHECK(ours.verify(prefix("order keys") + good.keys(), good.signatures(1).signature()));
  // A list that is read holds Ed25519 keys only, in DER.
  static const std::string head = *from_hex("302a300506032b6570032100");
  const bool all_keys =
      std::all_of(list.keys().begin(), list.keys().end(),
                  [](const std::string& der) { return der.size() == 44 && der.starts_with(head); });
  const bool is_read = decode_order_keys(good.keys()).ok() && all_keys;
  for (const auto& known : {std::vector{ours}, {other}, {third, ours}, {ours, other}}) {
    auto verified = verify_order_keys(good, known);
    FUZZ_CHECK(verified.ok() == is_read);
    FUZZ_CHECK(!verified || verified->SerializeAsString() == good.keys());
    FUZZ_CHECK(verified || verified.error().code == Errc::protocol);
  }

  const auto refused = [&](const pb::SignedOrderKeys& one,
                           const std::vector<Ed25519PublicKey>& known) {
    auto result = verify_order_keys(one, known);
    return !result && result.error().code == Errc::unauthenticated;
  };
  FUZZ_CHECK(refused(good, {}) && refused(good, {third}));
  // A list says nothing for the keys that it brings itself.
  FUZZ_CHECK(refused(sign_order_keys(list, {keys.third}), {ours, other}));
  FUZZ_CHECK(refused(sign_order_keys(list, {}), {ours}));
  pb::SignedOrderKeys changed = good;
  flip(*changed.mutable_keys(), where);
  FUZZ_CHECK(good.keys().empty() || refused(changed, {ours, other}));
  changed = good;
  flip(*changed.mutable_signatures(1)->mutable_signature(), where);
  FUZZ_CHECK(refused(changed, {ours}));
  changed = good;
  changed.mutable_signatures()->SwapElements(0, 1);
  FUZZ_CHECK(!refused(changed, {ours}));
  changed.mutable_signatures(0)->set_key_id(good.signatures(0).key_id());
  FUZZ_CHECK(refused(changed, {ours}));
  changed = good;
  changed.mutable_signatures(1)->set_signature(
      of_another_kind(keys.ours, "order keys", good.keys(), where));
  FUZZ_CHECK(refused(changed, {ours}));
}

void check_raw(const Keys& keys, std::string_view bytes) {
  if (pb::SignedOrder order; read(order, bytes)) {
    FUZZ_CHECK(!verify_order(order, keys.ours.public_key()));
  }
  if (pb::Hello hello; read(hello, bytes)) {
    FUZZ_CHECK(!verify_hello(hello, std::string(32, 'n'), ""));
  }
  if (pb::SignedReceipt receipt; read(receipt, bytes)) {
    FUZZ_CHECK(!verify_receipt(receipt, keys.ours.public_key()));
  }
  if (pb::SignedOrderKeys list; read(list, bytes)) {
    FUZZ_CHECK(!verify_order_keys(list, {keys.ours.public_key(), keys.other.public_key()}));
  }
  if (auto key = Ed25519PublicKey::from_spki(bytes)) {
    FUZZ_CHECK(key->spki() == bytes);
    FUZZ_CHECK(!key->verify("message", std::string(64, '\1')));
  }
  FUZZ_CHECK(!Ed25519PublicKey::from_spki(keys.ours.public_key().spki() + std::string(bytes)) ||
             bytes.empty());
  if (auto key = Ed25519PrivateKey::from_pem(bytes)) {
    auto again = Ed25519PrivateKey::from_pem(key->pem());
    FUZZ_CHECK(again && again->public_key().spki() == key->public_key().spki());
  }
}

void check_statement(const Keys& keys, Input in) {
  std::string token(in.line()), name(in.rest()), spki = keys.ours.public_key().spki();
  std::string statement = enrollment_statement(token, spki, name);
  FUZZ_CHECK(statement == prefix("enroll") + digest(token) + digest(spki) + digest(name));
  FUZZ_CHECK(statement != enrollment_statement(token + "\n", spki, name));
  FUZZ_CHECK(token.empty() || statement != enrollment_statement("", spki, token + name));
  FUZZ_CHECK(statement != enrollment_statement(token, spki + "x", name));
  FUZZ_CHECK(machine_id_of(spki).bytes() == digest(spki).substr(0, 20));
  auto again = Ed25519PrivateKey::from_pem(keys.ours.pem());
  FUZZ_CHECK(again && again->sign(statement) == keys.ours.sign(statement));
}

}  // namespace

void run(std::string_view input) {
  static const Keys keys;
  Input in(input);
  switch (in.choice(6)) {
    case 0:
      check_order(keys, in);
      return;
    case 1:
      check_hello(keys, in);
      return;
    case 2:
      check_raw(keys, in.rest());
      return;
    case 4:
      check_receipt(keys, in);
      return;
    case 5:
      check_order_keys(keys, in);
      return;
    default:
      check_statement(keys, in);
  }
}

}  // namespace reachback::fuzz
