#include "protocol/signing.h"

#include "crypto/digest.h"
#include "protocol/codec.h"

namespace reachback::protocol {
namespace {

// Every kind of signature has a prefix of its own, so that one cannot stand for another. The NUL
// ends it.
constexpr std::string_view kOrderPrefix("reachback order v1\0", 19);
constexpr std::string_view kHelloPrefix("reachback hello v1\0", 19);
constexpr std::string_view kEnrollPrefix("reachback enroll v1\0", 20);

constexpr std::string_view kReceiptPrefix("reachback receipt v1\0", 21);
constexpr std::string_view kOrderKeysPrefix("reachback order keys v1\0", 24);
constexpr std::string_view kTerminalPrefix("reachback terminal v1\0", 22);

std::string concat(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (auto part : parts) {
    out += part;
  }
  return out;
}

// The nonce is 32 bytes and the exporter 0 or 32, so the concatenation reads only one way.
std::string hello_statement(std::string_view body, std::string_view server_nonce,
                            std::string_view exporter) {
  return concat({kHelloPrefix, body, server_nonce, exporter});
}

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) {
    out += static_cast<char>(value >> (8 * i));
  }
  return out;
}

// All but the last part have one length, so that it reads only one way.
std::string terminal_statement(const pb::TerminalInput& m) {
  return concat({kTerminalPrefix, m.action(), big_endian(m.index(), 4), big_endian(m.from(), 8),
                 big_endian(m.rows(), 2), big_endian(m.columns(), 2), m.typed()});
}

}  // namespace

pb::SignedOrder sign_order(const pb::Order& order, const crypto::Ed25519PrivateKey& key) {
  pb::SignedOrder out;
  out.set_order(order.SerializeAsString());
  out.set_signature(key.sign(concat({kOrderPrefix, out.order()})));
  out.set_key_id(key_id(key.public_key()));
  return out;
}

Result<pb::Order> verify_order(const pb::SignedOrder& signed_order,
                               const crypto::Ed25519PublicKey& key) {
  if (!key.verify(concat({kOrderPrefix, signed_order.order()}), signed_order.signature())) {
    return Error{Errc::unauthenticated, "order: the signature does not verify"};
  }
  return decode_order(signed_order.order());
}

std::string key_id(const crypto::Ed25519PublicKey& key) {
  return std::string(as_bytes(crypto::sha256(key.spki())).substr(0, 8));
}

pb::Hello sign_hello(const pb::Hello::Body& body, std::string_view server_nonce,
                     std::string_view exporter, const crypto::Ed25519PrivateKey& key) {
  pb::Hello out;
  out.set_body(body.SerializeAsString());
  out.set_signature(key.sign(hello_statement(out.body(), server_nonce, exporter)));
  return out;
}

Result<pb::Hello::Body> verify_hello(const pb::Hello& hello, std::string_view server_nonce,
                                     std::string_view exporter) {
  RB_TRY_ASSIGN(pb::Hello::Body body, decode_hello_body(hello.body()));
  auto key = crypto::Ed25519PublicKey::from_spki(body.public_key());
  if (!key.ok()) {
    return Error{Errc::protocol, "hello: " + key.error().message};
  }
  if (server_nonce.size() != 32 || (!exporter.empty() && exporter.size() != 32) ||
      !key->verify(hello_statement(hello.body(), server_nonce, exporter), hello.signature())) {
    return Error{Errc::unauthenticated, "hello: the signature does not verify"};
  }
  return body;
}

pb::SignedReceipt sign_receipt(const pb::Receipt& receipt, const crypto::Ed25519PrivateKey& key) {
  pb::SignedReceipt out;
  out.set_receipt(receipt.SerializeAsString());
  out.set_signature(key.sign(concat({kReceiptPrefix, out.receipt()})));
  return out;
}

Result<pb::Receipt> verify_receipt(const pb::SignedReceipt& signed_receipt,
                                   const crypto::Ed25519PublicKey& key) {
  if (!key.verify(concat({kReceiptPrefix, signed_receipt.receipt()}), signed_receipt.signature())) {
    return Error{Errc::unauthenticated, "receipt: the signature does not verify"};
  }
  RB_TRY_ASSIGN(pb::Receipt receipt, decode_receipt(signed_receipt.receipt()));
  if (receipt.machine() != machine_id_of(key.spki()).bytes()) {
    return Error{Errc::unauthenticated, "receipt: signed by a key that is not the machine's"};
  }
  return receipt;
}

void sign_terminal_input(pb::TerminalInput& input, const crypto::Ed25519PrivateKey& key) {
  input.set_signature(key.sign(terminal_statement(input)));
}

bool verify_terminal_input(const pb::TerminalInput& input, const crypto::Ed25519PublicKey& key) {
  return key.verify(terminal_statement(input), input.signature());
}

pb::SignedOrderKeys sign_order_keys(const pb::OrderKeys& keys,
                                    const std::vector<crypto::Ed25519PrivateKey>& by) {
  pb::SignedOrderKeys out;
  out.set_keys(keys.SerializeAsString());
  for (const auto& key : by) {
    auto* signature = out.add_signatures();
    signature->set_key_id(key_id(key.public_key()));
    signature->set_signature(key.sign(concat({kOrderKeysPrefix, out.keys()})));
  }
  return out;
}

Result<pb::OrderKeys> verify_order_keys(const pb::SignedOrderKeys& signed_keys,
                                        const std::vector<crypto::Ed25519PublicKey>& known) {
  bool is_signed = false;
  for (const auto& signature : signed_keys.signatures()) {
    for (const auto& key : known) {
      is_signed = is_signed || (key_id(key) == signature.key_id() &&
                                key.verify(concat({kOrderKeysPrefix, signed_keys.keys()}),
                                           signature.signature()));
    }
  }
  if (!is_signed) {
    return Error{Errc::unauthenticated, "order keys: not signed by a key that is known here"};
  }
  RB_TRY_ASSIGN(pb::OrderKeys keys, decode_order_keys(signed_keys.keys()));
  for (const auto& der : keys.keys()) {
    if (auto key = crypto::Ed25519PublicKey::from_spki(der); !key.ok()) {
      return Error{Errc::protocol, "order keys: " + key.error().message};
    }
  }
  return keys;
}

MachineId machine_id_of(std::string_view spki) {
  return MachineId::from_key_digest(crypto::sha256(spki));
}

std::string enrollment_statement(std::string_view token, std::string_view spki,
                                 std::string_view host_name) {
  // Digests have one length, so no field can run into the next.
  return concat({kEnrollPrefix, as_bytes(crypto::sha256(token)), as_bytes(crypto::sha256(spki)),
                 as_bytes(crypto::sha256(host_name))});
}

}  // namespace reachback::protocol
