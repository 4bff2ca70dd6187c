// Requests that enrol a machine, from anybody who reaches the agents' listener. The harness holds a
// machine's key and signs whatever the JSON says: what is taken meets every rule, judged here once
// more from the JSON, and was signed for this token and this name. Without that key nothing is
// taken. Input: what is tried; then JSON.
#include "server/link/enrollment.h"

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "fuzz/fuzz.h"
#include "json/json.h"

namespace reachback::fuzz {
namespace {

using namespace server;
using crypto::Ed25519PrivateKey;

std::string member(const json::Object& object, std::string_view name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string statement(std::string_view token, std::string_view spki, std::string_view name) {
  std::string out = "reachback enroll v1" + std::string(1, '\0');
  for (std::string_view part : {token, spki, name}) {
    out += as_bytes(crypto::sha256(part));
  }
  return out;
}

void check_refusal(const Error& error) {
  FUZZ_CHECK(error.code == Errc::unauthenticated || error.code == Errc::missing_parameter ||
             error.code == Errc::invalid_input || error.code == Errc::invalid_body);
  FUZZ_CHECK(!error.message.empty() && is_valid_utf8(error.message));
}

// Whether a member is absent (if it may be) or a text without NUL of at most so many bytes.
bool is_fine(const json::Object& object, std::string_view name, std::size_t bytes_max,
             bool required) {
  const json::Value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) {
    return value == nullptr && !required;
  }
  const std::string text = member(object, name);
  return text.size() <= bytes_max && text.find('\0') == std::string::npos &&
         !(required && text.empty());
}

void check_signed(std::string_view text) {
  static const Ed25519PrivateKey key = Ed25519PrivateKey::generate();
  static const Ed25519PrivateKey other = Ed25519PrivateKey::generate();
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    auto refused = parse_enrollment(text);
    FUZZ_CHECK(!refused);
    check_refusal(refused.error());
    return;
  }
  json::Object object = value->get_object();
  const std::string spki = key.public_key().spki();
  const std::string token = member(object, "token"), name = member(object, "hostName");
  const auto enroll = [&](const std::string& said, const std::string& signature) {
    object["publicKey"] = to_base64(said);
    object["signature"] = to_base64(signature);
    return parse_enrollment(json::write(object));
  };
  auto read = enroll(spki, key.sign(statement(token, spki, name)));
  bool fine = is_fine(object, "token", 512, true) && is_fine(object, "hostName", 253, true) &&
              token.find_first_not_of(" \t") != std::string::npos;
  for (const char* fact : {"osPlatform", "osVersion", "osArchitecture", "agentVersion"}) {
    fine = fine && is_fine(object, fact, 253, false);
  }
  FUZZ_CHECK(read.ok() == fine);
  if (!read) {
    check_refusal(read.error());
    return;
  }
  FUZZ_CHECK(read->token == token && read->host_name == name && read->public_key == spki);
  FUZZ_CHECK(read->os_platform == member(object, "osPlatform"));
  FUZZ_CHECK(read->os_version == member(object, "osVersion"));
  FUZZ_CHECK(read->os_architecture == member(object, "osArchitecture"));
  FUZZ_CHECK(read->agent_version == member(object, "agentVersion"));
  FUZZ_CHECK(read->peer_ip.empty());
  // Not with another's signature, of another token or name, or in another's name.
  FUZZ_CHECK(!enroll(spki, other.sign(statement(token, spki, name))));
  FUZZ_CHECK(!enroll(spki, key.sign(statement(token + " ", spki, name))));
  FUZZ_CHECK(!enroll(spki, key.sign(statement(token, spki, name + " "))));
  FUZZ_CHECK(!enroll(other.public_key().spki(), key.sign(statement(token, spki, name))));
  FUZZ_CHECK(!enroll(spki + "x", key.sign(statement(token, spki + "x", name))));
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  if (in.choice(2) == 0) {
    check_signed(in.rest());
  } else {
    auto refused = parse_enrollment(in.rest());
    FUZZ_CHECK(!refused);
    check_refusal(refused.error());
  }
}

}  // namespace reachback::fuzz
