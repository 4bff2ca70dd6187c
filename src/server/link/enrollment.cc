#include "server/link/enrollment.h"

#include <algorithm>

#include "crypto/ed25519.h"
#include "json/json.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::server {
namespace {

constexpr std::size_t kTextBytesMax = 253;  // host name and OS texts; Source: trust.md §5.8.11

// A required or optional string member, bounded and without NUL.
Result<std::string> text_of(const json::Object& o, std::string_view key, bool required,
                            std::size_t bytes_max) {
  const auto* value = o.if_contains(boost::json::string_view(key.data(), key.size()));
  if (value == nullptr) {
    if (required) {
      return Error{Errc::missing_parameter, std::string(key) + " is required"};
    }
    return std::string();
  }
  if (!value->is_string()) {
    return Error{Errc::invalid_input, std::string(key) + " is not a string"};
  }
  std::string text(value->get_string().data(), value->get_string().size());
  if (text.size() > bytes_max || text.find('\0') != std::string::npos ||
      (required && text.empty())) {
    return Error{Errc::invalid_input, std::string(key) + " is empty, too long or holds a NUL"};
  }
  return text;
}

}  // namespace

Result<Enrollment> parse_enrollment(std::string_view body) {
  RB_TRY_ASSIGN(json::Value value, json::parse(body));
  const auto* o = value.if_object();
  if (o == nullptr) {
    return Error{Errc::invalid_body, "the body is not an object"};
  }
  Enrollment e;
  RB_TRY_ASSIGN(e.token, text_of(*o, "token", false, 512));
  if (std::all_of(e.token.begin(), e.token.end(), [](char c) { return c == ' ' || c == '\t'; })) {
    return Error{Errc::unauthenticated, "a blank token, or none"};
  }
  RB_TRY_ASSIGN(std::string key64, text_of(*o, "publicKey", true, 512));
  RB_TRY_ASSIGN(std::string signature64, text_of(*o, "signature", true, 512));
  RB_TRY_ASSIGN(e.host_name, text_of(*o, "hostName", true, protocol::kHostNameBytesMax));
  RB_TRY_ASSIGN(e.os_platform, text_of(*o, "osPlatform", false, kTextBytesMax));
  RB_TRY_ASSIGN(e.os_version, text_of(*o, "osVersion", false, kTextBytesMax));
  RB_TRY_ASSIGN(e.os_architecture, text_of(*o, "osArchitecture", false, kTextBytesMax));
  RB_TRY_ASSIGN(e.agent_version, text_of(*o, "agentVersion", false, kTextBytesMax));
  auto key = from_base64(key64);
  auto signature = from_base64(signature64);
  if (!key || !signature) {
    return Error{Errc::invalid_input, "publicKey or signature is not base64"};
  }
  RB_TRY_ASSIGN(auto public_key, crypto::Ed25519PublicKey::from_spki(*key));
  if (!public_key.verify(protocol::enrollment_statement(e.token, *key, e.host_name), *signature)) {
    return Error{Errc::invalid_input, "the signature does not prove possession of the key"};
  }
  e.public_key = std::move(*key);
  return e;
}

}  // namespace reachback::server
