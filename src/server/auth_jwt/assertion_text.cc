#include "server/auth_jwt/assertion_text.h"

#include <cmath>

#include "json/json.h"

namespace reachback::server {
namespace {

constexpr std::int64_t kYear2100 = 4'102'444'800;
constexpr std::size_t kAudiencesMax = 20;

// False when the member is there and not a string.
bool read_text(const json::Object& object, std::string_view name, std::string& out) {
  const json::Value* value = object.if_contains(name);
  if (value == nullptr) {
    return true;
  }
  if (!value->is_string()) {
    return false;
  }
  out = std::string(value->get_string());
  return true;
}

// RFC 7519 NumericDate, from 1970 to 2100.
std::optional<std::int64_t> to_seconds(const json::Value& value) {
  double number = value.is_int64()    ? static_cast<double>(value.get_int64())
                  : value.is_double() ? value.get_double()
                                      : -1;
  if (!(number >= 0 && number <= static_cast<double>(kYear2100))) {  // NaN too
    return std::nullopt;
  }
  return static_cast<std::int64_t>(std::floor(number));
}

bool read_audience(const json::Object& object, std::vector<std::string>& out) {
  const json::Value* value = object.if_contains("aud");
  if (value == nullptr) {
    return false;
  }
  if (value->is_string()) {
    out.emplace_back(value->get_string());
    return true;
  }
  if (!value->is_array() || value->get_array().size() > kAudiencesMax) {
    return false;
  }
  for (const json::Value& element : value->get_array()) {
    if (!element.is_string()) {
      return false;
    }
    out.emplace_back(element.get_string());
  }
  return !out.empty();
}

std::optional<Algorithm> assertion_algorithm(std::string_view name) {
  return name == "PS256" ? Algorithm::ps256 : parse_algorithm(name);
}

}  // namespace

std::optional<AssertionHeader> parse_assertion_header(std::string_view text) {
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  const json::Object& object = value->get_object();
  for (const char* name : {"crit", "jku", "jwk", "x5u", "b64", "enc", "zip"}) {
    if (object.contains(name)) {
      return std::nullopt;
    }
  }
  std::string alg;
  AssertionHeader out;
  if (!read_text(object, "alg", alg) || !read_text(object, "x5t#S256", out.x5t_s256) ||
      !read_text(object, "x5t", out.x5t) || !read_text(object, "kid", out.kid)) {
    return std::nullopt;
  }
  auto algorithm = assertion_algorithm(alg);
  if (!algorithm) {
    return std::nullopt;
  }
  out.algorithm = *algorithm;
  return out;
}

std::optional<AssertionClaims> parse_assertion_claims(std::string_view text) {
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  const json::Object& object = value->get_object();
  AssertionClaims out;
  if (!read_text(object, "iss", out.iss) || !read_text(object, "sub", out.sub) ||
      !read_text(object, "jti", out.jti) || !read_audience(object, out.aud) || out.iss.empty() ||
      out.sub.empty()) {
    return std::nullopt;
  }
  const json::Value* exp = object.if_contains("exp");
  auto expires = exp != nullptr ? to_seconds(*exp) : std::nullopt;
  if (!expires) {
    return std::nullopt;
  }
  out.exp = *expires;
  if (const json::Value* nbf = object.if_contains("nbf")) {
    out.nbf = to_seconds(*nbf);
    if (!out.nbf) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace reachback::server
