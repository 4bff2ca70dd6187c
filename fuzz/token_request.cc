// The forms of the token, device code and revocation endpoints, which anyone may send. What is
// accepted has an id and what its grant needs: for client_credentials a secret or an assertion, and
// an audience that our own tokens carry. The three know the same client in one form. No message
// tells the secret.
// Input: query, Authorization and Content-Type, a line each; then the body.
#include "server/rest/token_request.h"

#include "base/bytes.h"
#include "fuzz/fuzz.h"
#include "server/auth_jwt/audiences.h"

namespace reachback::fuzz {
namespace {

// The seeds' secret. Found once in the input, it can stand in a message only as a secret that
// leaked.
constexpr std::string_view kSecret = "S3cr3t~of~the~seeds";

// The secret stands once in the whole input, as the value of client_secret in this form, and the
// message repeats it.
bool is_leak(std::string_view input, std::string_view form, std::string_view message) {
  auto first = input.find(kSecret);
  if (first == std::string_view::npos || input.find(kSecret, first + 1) != std::string_view::npos) {
    return false;
  }
  const std::string pair = "client_secret=" + std::string(kSecret);
  return (form.starts_with(pair) || form.find("&" + pair) != std::string_view::npos) &&
         message.find(kSecret) != std::string_view::npos;
}

void check_refusal(const Error& error, std::string_view input, std::string_view form) {
  FUZZ_CHECK(error.code == Errc::invalid_request || error.code == Errc::missing_parameter ||
             error.code == Errc::unsupported_grant || error.code == Errc::invalid_client ||
             error.code == Errc::invalid_scope);
  FUZZ_CHECK(!error.message.empty() && error.message.size() < 600);
  FUZZ_CHECK(is_valid_utf8(error.message));
  FUZZ_CHECK(!is_leak(input, form, error.message));
}

void check_client(const server::rest::ClientText& client) {
  FUZZ_CHECK(!client.client_id.empty() && client.client_id.size() <= 255);
  FUZZ_CHECK(client.client_secret.empty() || client.client_assertion.empty());
}

bool same(const server::rest::ClientText& a, const server::rest::ClientText& b) {
  return a.client_id == b.client_id && a.client_secret.reveal() == b.client_secret.reveal() &&
         a.client_assertion.reveal() == b.client_assertion.reveal();
}

}  // namespace

void run(std::string_view input) {
  static const server::AudienceList audiences("https://rb.example:8443", {"https://alias.example"});
  Input in(input);
  net::Request request;
  request.method = "POST";
  request.target = "/t/oauth2/v2.0/token";
  if (std::string_view query = in.line(); !query.empty()) {
    request.target += "?" + std::string(query);
  }
  if (std::string_view value = in.line(); !value.empty()) {
    request.headers.add("Authorization", std::string(value));
    if (value.back() == '2') {
      request.headers.add("Authorization", "Basic YTpi");
    }
  }
  if (std::string_view value = in.line(); !value.empty()) {
    request.headers.add("Content-Type", std::string(value));
  }
  const std::string_view form = in.rest();
  auto result = server::rest::parse_token_request(request, form, audiences, 12);
  auto device = server::rest::parse_device_request(request, form, 12);
  auto revocation = server::rest::parse_revocation_request(request, form, 12);
  FUZZ_CHECK(device || (!result && !revocation));
  if (device) {
    check_client(device->client);
  } else {
    check_refusal(device.error(), input, form);
  }
  if (revocation) {
    FUZZ_CHECK(same(revocation->client, device->client) && !revocation->token.empty());
  } else {
    check_refusal(revocation.error(), input, form);
  }
  if (!result) {
    check_refusal(result.error(), input, form);
    return;
  }
  const server::rest::ClientText& client = result->client;
  FUZZ_CHECK(same(client, device->client));
  FUZZ_CHECK(result->scope == device->scope && result->resource == device->resource);
  switch (result->grant) {
    case server::rest::Grant::client_credentials: {
      FUZZ_CHECK(client.client_secret.empty() != client.client_assertion.empty());
      FUZZ_CHECK(!result->scope.empty() || !result->resource.empty());
      FUZZ_CHECK(audiences.accepts(result->audience));
      auto by_resource = audiences.of_resource(result->audience);
      FUZZ_CHECK(by_resource && *by_resource == result->audience);
      break;
    }
    case server::rest::Grant::authorization_code:
      FUZZ_CHECK(!result->code.empty() && !result->verifier.empty());
      FUZZ_CHECK(!result->redirect_uri.empty());
      break;
    case server::rest::Grant::refresh_token:
      FUZZ_CHECK(!result->refresh_token.empty());
      break;
    case server::rest::Grant::device_code:
      FUZZ_CHECK(!result->device_code.empty());
      break;
  }
}

}  // namespace reachback::fuzz
