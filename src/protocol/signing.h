// What is signed and how: orders (server's command-signing key) and hellos (machine's key). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "crypto/ed25519.h"
#include "protocol/agent_messages.h"

namespace reachback::protocol {

pb::SignedOrder sign_order(const pb::Order& order, const crypto::Ed25519PrivateKey& key);
// The order, if `key` signed these very bytes and they decode. Errors: protocol, unauthenticated
// (signature).
Result<pb::Order> verify_order(const pb::SignedOrder& signed_order,
                               const crypto::Ed25519PublicKey& key);
std::string key_id(const crypto::Ed25519PublicKey& key);  // 8 bytes

// server_nonce: from the upgrade answer's header "Reachback-Challenge" (base64url of 32 bytes);
// exporter: WebSocket::tls_exporter(), may be empty.
pb::Hello sign_hello(const pb::Hello::Body& body, std::string_view server_nonce,
                     std::string_view exporter, const crypto::Ed25519PrivateKey& key);
// The body, if signed by the key it carries. Errors: protocol, unauthenticated.
Result<pb::Hello::Body> verify_hello(const pb::Hello& hello, std::string_view server_nonce,
                                     std::string_view exporter);
// What a machine says that a command did.
pb::SignedReceipt sign_receipt(const pb::Receipt& receipt, const crypto::Ed25519PrivateKey& key);
// The receipt, if `key` signed these very bytes, they decode, and name the machine of that key.
// Errors: protocol, unauthenticated.
Result<pb::Receipt> verify_receipt(const pb::SignedReceipt& signed_receipt,
                                   const crypto::Ed25519PublicKey& key);

// Sets the signature of what is typed into a terminal: by the key that its order names.
void sign_terminal_input(pb::TerminalInput& input, const crypto::Ed25519PrivateKey& key);
// Whether `key` signed these very bytes, for this terminal and this place in it.
bool verify_terminal_input(const pb::TerminalInput& input, const crypto::Ed25519PublicKey& key);

// A list of order keys, signed by each of `by`: keys that agents know from an earlier list.
pb::SignedOrderKeys sign_order_keys(const pb::OrderKeys& keys,
                                    const std::vector<crypto::Ed25519PrivateKey>& by);
// The list, if one of `known` has signed it. Errors: protocol (also: a key in it is none),
// unauthenticated.
Result<pb::OrderKeys> verify_order_keys(const pb::SignedOrderKeys& signed_keys,
                                        const std::vector<crypto::Ed25519PublicKey>& known);

// SHA-256 of the SubjectPublicKeyInfo, first 20 bytes.
MachineId machine_id_of(std::string_view spki);

// Enrolment request: POST /agent/v1/enroll on the agents' listener, JSON
// {"token","publicKey"(base64
// spki),"hostName","osPlatform","osVersion","osArchitecture","agentVersion","signature"(base64)};
// the signature by the machine's key over this string proves possession. Answer 200
// {"machineId","tenantId","orderKeys":[base64 spki],"orderKeysVersion"}.
std::string enrollment_statement(std::string_view token, std::string_view spki,
                                 std::string_view host_name);

}  // namespace reachback::protocol
