// Client assertions, and the certificates that operators add for them. The harness holds the key of
// one certificate, so that headers and claims of any kind come with a good signature: what is taken
// then meets every rule, judged here once more from the JSON. Without that key nothing is taken.
// Input: what is tried; then a line with the header and the claims behind it; or pairs of bytes; or
// the text of an assertion; or PEM.
#include <openssl/ui.h>

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "crypto/certificate.h"
#include "fuzz/fuzz.h"
#include "json/json.h"
#include "server/auth_jwt/assertion_text.h"
#include "server/auth_jwt/assertion_verifier.h"
#include "server/auth_jwt/token_forge.h"

namespace reachback::fuzz {
namespace {

using namespace server;

constexpr std::string_view kClient = "2f48b784-5da5-4e61-9957-012d2630f1e4";
constexpr std::string_view kUrl = "https://rb.example:8443/t/oauth2/v2.0/token";
constexpr std::int64_t kNow_s = 1'800'000'000;
const Timestamp kNow = Timestamp(std::chrono::seconds(kNow_s));
constexpr const char* kSha256Name = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
constexpr const char* kSha1Name = "AgICAgICAgICAgICAgICAgICAgI";

struct World {
  std::string pem = generate_signing_key();
  SigningKey key = *SigningKey::from_pem(pem);
  SigningKey other = *SigningKey::from_pem(generate_signing_key());
  std::unique_ptr<AssertionVerifier> verifier = *AssertionVerifier::create();
  AssertionTerms terms{std::string(kClient), {std::string(kUrl)}, std::chrono::hours(24)};
  std::vector<AppCertificate> certificates;

  World() {
    AppCertificate c;
    c.thumbprint.fill(1);
    c.sha1 = std::string(20, '\2');
    c.public_key = spki_of_pem(pem);
    c.not_before = kNow;
    c.not_after = kNow;
    certificates = {c};
  }
  Result<VerifiedAssertion> verify(std::string_view assertion, Timestamp now = kNow) const {
    return verifier->verify(assertion, terms, certificates, now);
  }
  std::string good() const {
    return forge(std::string(R"({"alg":"ES256","x5t":")") + kSha1Name + "\"}",
                 R"({"iss":")" + std::string(kClient) + R"(","sub":")" + std::string(kClient) +
                     R"(","aud":")" + std::string(kUrl) + R"(","exp":1800000600})",
                 key_signer(key));
  }
};

std::string text(const json::Object& object, std::string_view name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
double number(const json::Object& object, std::string_view name, double otherwise) {
  const json::Value* value = object.if_contains(name);
  if (value == nullptr) {
    return otherwise;
  }
  return value->is_double() ? value->get_double() : static_cast<double>(value->as_int64());
}
std::string without(std::string name, char last) {
  while (name.ends_with(last)) {
    name.pop_back();
  }
  return name;
}

void check_taken(std::string_view header, std::string_view payload) {
  json::Object h = json::parse(header)->as_object(), c = json::parse(payload)->as_object();
  FUZZ_CHECK(text(h, "alg") == "ES256");
  for (const char* name : {"crit", "jku", "jwk", "x5u", "b64", "enc", "zip"}) {
    FUZZ_CHECK(!h.contains(name));
  }
  if (std::string exact = text(h, "x5t#S256"); !exact.empty()) {
    FUZZ_CHECK(without(exact, '=') == kSha256Name);
  } else if (std::string old = text(h, "x5t"); !old.empty()) {
    FUZZ_CHECK(without(old, '=') == kSha1Name);
  } else {
    std::string kid = text(h, "kid"), lower = to_lower(kid);
    FUZZ_CHECK(without(kid, '=') == kSha256Name || without(kid, '=') == kSha1Name ||
               lower == to_hex(std::string(32, '\1')) || lower == to_hex(std::string(20, '\2')));
  }
  FUZZ_CHECK(to_lower(text(c, "iss")) == kClient && to_lower(text(c, "sub")) == kClient);
  std::vector<std::string> audiences = {text(c, "aud")};
  if (c.at("aud").is_array()) {
    for (const json::Value& one : c.at("aud").get_array()) {
      audiences.emplace_back(one.as_string());
    }
  }
  FUZZ_CHECK(std::any_of(audiences.begin(), audiences.end(), [](const std::string& one) {
    return to_lower(one) == kUrl || to_lower(one) == std::string(kUrl) + "/";
  }));
  FUZZ_CHECK(std::floor(number(c, "exp", 0)) > kNow_s);
  FUZZ_CHECK(std::floor(number(c, "exp", 0)) <= kNow_s + 86400 + 300);
  FUZZ_CHECK(std::floor(number(c, "nbf", 0)) <= kNow_s + 300);
}

void check_signed(const World& world, Input in) {
  const std::string header(in.line());
  const std::string assertion = forge(header, in.rest(), key_signer(world.key));
  auto taken = world.verify(assertion);
  if (!taken) {
    FUZZ_CHECK(taken.error().code == Errc::invalid_assertion);
    FUZZ_CHECK(taken.error().message.size() < 200 && is_valid_utf8(taken.error().message));
    return;
  }
  check_taken(header, in.rest());
  FUZZ_CHECK(taken->certificate == world.certificates.front().thumbprint);
  auto again = world.verify(forge(header, in.rest(), key_signer(world.key)));
  FUZZ_CHECK(again && again->use == taken->use && again->expires == taken->expires);
  FUZZ_CHECK(!world.verify(assertion, taken->expires).ok());
  FUZZ_CHECK(!world.verify(assertion, kNow + Duration(1)).ok());  // the certificate's last moment
  FUZZ_CHECK(!world.verify(forge(header, in.rest(), key_signer(world.other))).ok());
  FUZZ_CHECK(!world.verifier->verify(assertion, world.terms, {}, kNow).ok());
}

// Pairs of bytes: where a good one changes, and into what.
void check_changed(const World& world, Input in) {
  static const std::string good = world.good();
  std::string assertion = good;
  while (!in.rest().empty()) {
    std::size_t at = (in.byte() * 256u + in.byte()) % assertion.size();
    assertion[at] = static_cast<char>(in.byte());
  }
  FUZZ_CHECK(world.verify(assertion).ok() == (assertion == good));
}

// PEM can say that it is encrypted; a server has nobody to ask for a passphrase.
void ask_nobody() {
  UI_METHOD* nobody = UI_create_method("nobody");
  UI_method_set_opener(nobody,
                       [](UI*) -> int { broken("nothing is asked for", __FILE__, __LINE__); });
  UI_set_default_method(nobody);
}

void check_certificate(std::string_view pem) {
  static const bool once = (ask_nobody(), true);
  FUZZ_CHECK(once);
  auto read = crypto::read_certificate(pem);
  if (!read) {
    FUZZ_CHECK(read.error().code == Errc::invalid_input);
    return;
  }
  FUZZ_CHECK(read->sha1.size() == 20 && read->subject.size() <= 512);
  FUZZ_CHECK(pem.find("PRIVATE KEY") == std::string_view::npos && pem.size() <= 32 << 10);
  FUZZ_CHECK(std::all_of(read->subject.begin(), read->subject.end(),
                         [](char c) { return c >= 0x20 && c < 0x7f; }));
  bool ec = VerificationKey::from_spki(read->public_key, Algorithm::es256).ok();
  bool rsa = VerificationKey::from_spki(read->public_key, Algorithm::ps256).ok();
  FUZZ_CHECK(ec != rsa);
}

}  // namespace

void run(std::string_view input) {
  static const World world;
  Input in(input);
  switch (in.choice(4)) {
    case 0:
      check_signed(world, in);
      return;
    case 1:
      check_changed(world, in);
      return;
    case 2:
      FUZZ_CHECK(!world.verify(in.rest()).ok());
      return;
    default:
      check_certificate(in.rest());
  }
}

}  // namespace reachback::fuzz
