// Signatures of orders and hellos. The harness signs whatever decodes: it verifies, and with one
// bit changed, under another key, another nonce or as the other kind it does not.
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
  Ed25519PrivateKey ours = Ed25519PrivateKey::generate(), other = Ed25519PrivateKey::generate();
};

void flip(std::string& bytes, unsigned where) {
  if (!bytes.empty()) {
    bytes[where / 8 % bytes.size()] ^= static_cast<char>(1 << where % 8);
  }
}

void check_order(const Keys& keys, Input in) {
  unsigned where = in.byte() * 256u + in.byte();
  pb::Order order;
  if (!order.ParseFromArray(in.rest().data(), static_cast<int>(in.rest().size()))) {
    return;
  }
  pb::SignedOrder signed_order = sign_order(order, keys.ours);
  FUZZ_CHECK(signed_order.key_id() == key_id(keys.ours.public_key()));
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
  // Not without the prefix, and not a machine's signature.
  changed.set_signature(keys.ours.sign(signed_order.order()));
  FUZZ_CHECK(!verify_order(changed, keys.ours.public_key()));
  changed.set_signature(
      keys.ours.sign("reachback hello v1" + std::string(1, '\0') + signed_order.order()));
  FUZZ_CHECK(!verify_order(changed, keys.ours.public_key()));
}

void check_hello(const Keys& keys, Input in) {
  unsigned where = in.byte() * 256u + in.byte();
  pb::Hello::Body body;
  if (!body.ParseFromArray(in.rest().data(), static_cast<int>(in.rest().size()))) {
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

void check_raw(const Keys& keys, std::string_view bytes) {
  int size = static_cast<int>(bytes.size());
  if (pb::SignedOrder order; order.ParseFromArray(bytes.data(), size)) {
    FUZZ_CHECK(!verify_order(order, keys.ours.public_key()));
  }
  if (pb::Hello hello; hello.ParseFromArray(bytes.data(), size)) {
    FUZZ_CHECK(!verify_hello(hello, std::string(32, 'n'), ""));
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
  FUZZ_CHECK(statement != enrollment_statement(token + "\n", spki, name));
  FUZZ_CHECK(token.empty() || statement != enrollment_statement("", spki, token + name));
  FUZZ_CHECK(statement != enrollment_statement(token, spki + "x", name));
  FUZZ_CHECK(machine_id_of(spki) != machine_id_of(keys.other.public_key().spki()));
  auto again = Ed25519PrivateKey::from_pem(keys.ours.pem());
  FUZZ_CHECK(again && again->sign(statement) == keys.ours.sign(statement));
}

}  // namespace

void run(std::string_view input) {
  static const Keys keys;
  Input in(input);
  switch (in.choice(4)) {
    case 0:
      check_order(keys, in);
      return;
    case 1:
      check_hello(keys, in);
      return;
    case 2:
      check_raw(keys, in.rest());
      return;
    default:
      check_statement(keys, in);
  }
}

}  // namespace reachback::fuzz
