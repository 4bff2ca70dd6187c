// The token endpoint's form, which anyone may send. What is accepted has an id and what its grant
// needs: for client_credentials a secret or an assertion, and an audience that our own tokens
// carry. No message tells the secret.
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
  if (!result) {
    const Error& error = result.error();
    FUZZ_CHECK(error.code == Errc::invalid_request || error.code == Errc::missing_parameter ||
               error.code == Errc::unsupported_grant || error.code == Errc::invalid_client ||
               error.code == Errc::invalid_scope);
    FUZZ_CHECK(!error.message.empty() && error.message.size() < 600);
    FUZZ_CHECK(is_valid_utf8(error.message));
    FUZZ_CHECK(!is_leak(input, form, error.message));
    return;
  }
  const server::rest::ClientText& client = result->client;
  FUZZ_CHECK(!client.client_id.empty() && client.client_id.size() <= 255);
  FUZZ_CHECK(client.client_secret.empty() || client.client_assertion.empty());
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
