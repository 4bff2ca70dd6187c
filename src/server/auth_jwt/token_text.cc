#include "server/auth_jwt/token_text.h"

#include <algorithm>

#include "base/bytes.h"
#include "json/json.h"

namespace reachback::server {
namespace {

constexpr std::int64_t kYear2100 = 4'102'444'800;
constexpr std::size_t kWordsMax = 500;  // roles, scopes, audiences

// Reads members of one object; remembers whether any had another type than asked for.
class Reader {
 public:
  explicit Reader(const json::Object& object) : object_(object) {}
  bool good() const { return good_; }

  std::string text(std::string_view name) {
    const json::Value* value = object_.if_contains(name);
    if (value == nullptr) {
      return {};
    }
    good_ = good_ && value->is_string();
    return value->is_string() ? std::string(value->get_string()) : std::string();
  }
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t max) {
    const json::Value* value = object_.if_contains(name);
    if (value == nullptr) {
      return std::nullopt;
    }
    // Reading NumericDate as an integer only: a fraction never matters and 1e999 never happens.
    if (!value->is_int64() || value->get_int64() < 0 || value->get_int64() > max) {
      good_ = false;
      return std::nullopt;
    }
    return value->get_int64();
  }
  std::vector<std::string> array(const json::Value& value) {
    auto out = texts_of(value);
    good_ = good_ && out.has_value();
    return std::move(out).value_or(std::vector<std::string>());
  }
  const json::Value* member(std::string_view name) const { return object_.if_contains(name); }

 private:
  const json::Object& object_;
  bool good_ = true;
};

}  // namespace

std::optional<std::vector<std::string>> texts_of(const json::Value& array) {
  if (!array.is_array() || array.get_array().size() > kWordsMax) {
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const json::Value& element : array.get_array()) {
    if (!element.is_string()) {
      return std::nullopt;
    }
    out.emplace_back(element.get_string());
  }
  return out;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) {
      out.emplace_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<TokenText> split_token(std::string_view token, std::size_t bytes_max) {
  if (token.size() > bytes_max) {
    return std::nullopt;
  }
  std::size_t first = token.find('.');
  std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  auto header = from_base64url(token.substr(0, first));
  auto payload = from_base64url(token.substr(first + 1, second - first - 1));
  auto signature = from_base64url(token.substr(second + 1));
  if (!header || !payload || !signature || header->empty() || payload->empty() ||
      signature->empty()) {
    return std::nullopt;
  }
  return TokenText{token.substr(0, second), token.substr(first + 1, second - first - 1),
                   std::move(*header), std::move(*payload), std::move(*signature)};
}

std::optional<TokenHeader> parse_token_header(std::string_view text) {
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  const json::Object& object = value->get_object();
  for (const char* name : {"crit", "jku", "jwk", "x5u", "x5c", "b64", "enc", "zip"}) {
    if (object.contains(name)) {
      return std::nullopt;
    }
  }
  Reader reader(object);
  TokenHeader out{reader.text("alg"), reader.text("typ"), reader.text("kid"), reader.text("seal")};
  if (!reader.good() || out.alg.empty() || out.kid.empty() || out.kid.size() > 256) {
    return std::nullopt;
  }
  return out;
}

std::optional<TokenClaims> parse_token_claims(std::string_view text) {
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  Reader reader(value->get_object());
  TokenClaims out;
  out.iss = reader.text("iss");
  out.sub = reader.text("sub");
  out.tid = reader.text("tid");
  out.jti = reader.text("jti");
  out.ver = reader.text("ver");
  out.appid = reader.text("appid");
  out.azp = reader.text("azp");
  out.client_id = reader.text("client_id");
  out.oid = reader.text("oid");
  out.sid = reader.text("sid");
  out.preferred_username = reader.text("preferred_username");
  out.upn = reader.text("upn");
  out.email = reader.text("email");
  out.unique_name = reader.text("unique_name");
  if (const json::Value* aud = reader.member("aud")) {
    out.aud = aud->is_string() ? std::vector<std::string>{std::string(aud->get_string())}
                               : reader.array(*aud);
  }
  if (const json::Value* roles = reader.member("roles")) {
    out.roles = reader.array(*roles);
  }
  if (const json::Value* scp = reader.member("scp")) {
    out.scp = scp->is_string() ? split_words(scp->get_string()) : reader.array(*scp);
  }
  auto exp = reader.integer("exp", kYear2100);
  auto iat = reader.integer("iat", kYear2100);
  out.nbf = reader.integer("nbf", kYear2100);
  out.iat_us = reader.integer("iat_us", kYear2100 * 1'000'000);
  if (!reader.good() || !exp || !iat || out.iss.empty() || out.sub.empty() || out.aud.empty()) {
    return std::nullopt;
  }
  out.exp = *exp;
  out.iat = *iat;
  return out;
}

}  // namespace reachback::server
