#include "server/auth_jwt/claim_mapping.h"

#include <initializer_list>

#include "base/bytes.h"
#include "json/json.h"

namespace reachback::server {
namespace {

std::string_view first_of(std::initializer_list<std::string_view> candidates) {
  for (std::string_view candidate : candidates) {
    if (!candidate.empty()) {
      return candidate;
    }
  }
  return {};
}

// Reads claims; remembers whether one was not what it has to be.
class ClaimReader {
 public:
  explicit ClaimReader(const json::Object& claims) : claims_(claims) {}
  bool good() const { return good_; }

  // nullptr: not there.
  const json::Value* find(const ClaimPath& path) {
    const json::Object* object = &claims_;
    for (std::size_t i = 0;; ++i) {
      const json::Value* value = object->if_contains(path[i]);
      if (value == nullptr || i + 1 == path.size()) {
        return value;
      }
      object = value->if_object();
      if (object == nullptr) {
        good_ = false;
        return nullptr;
      }
    }
  }
  std::string text(const ClaimPath& path) {
    const json::Value* value = find(path);
    if (value == nullptr) {
      return {};
    }
    good_ = good_ && value->is_string();
    return value->is_string() ? std::string(value->get_string()) : std::string();
  }
  // A list, or one text; nullopt: not there.
  std::optional<std::vector<std::string>> texts(const ClaimPath& path) {
    const json::Value* value = find(path);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (value->is_string()) {
      return std::vector<std::string>{std::string(value->get_string())};
    }
    return list(*value);
  }
  // A list, or one text of words with blanks between them; nullopt: not there.
  std::optional<std::vector<std::string>> words(const ClaimPath& path) {
    const json::Value* value = find(path);
    if (value == nullptr) {
      return std::nullopt;
    }
    return value->is_string() ? split_words(value->get_string()) : list(*value);
  }

 private:
  std::optional<std::vector<std::string>> list(const json::Value& value) {
    auto out = texts_of(value);
    good_ = good_ && out.has_value();
    return out;
  }

  const json::Object& claims_;
  bool good_ = true;
};

template <typename Bits>
Bits bits_of(const std::vector<std::string>& values,
             const std::optional<std::map<std::string, Bits, std::less<>>>& map,
             Bits (*by_name)(std::string_view)) {
  Bits out = 0;
  for (const std::string& value : values) {
    if (!map) {
      out |= by_name(value);
    } else if (auto at = map->find(value); at != map->end()) {
      out |= at->second;
    }
  }
  return out;
}

bool says_application(const TokenClaims& claims, std::string_view type) {
  if (!type.empty()) {
    return type == "app";
  }
  return claims.sub == claims.client_id || claims.sub == claims.azp || claims.sub == claims.appid ||
         (!claims.client_id.empty() &&
          claims.preferred_username == "service-account-" + to_lower(claims.client_id));
}

}  // namespace

std::optional<MappedCaller> map_claims(const ClaimMapping& mapping, const TokenClaims& claims,
                                       std::string_view payload) {
  auto value = json::parse(payload);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  ClaimReader reader(value->get_object());
  auto roles = reader.texts(mapping.roles);
  auto scopes = mapping.scopes.empty() ? reader.words({"scp"}) : reader.words(mapping.scopes);
  if (mapping.scopes.empty() && !scopes) {
    scopes = reader.words({"scope"});
  }
  MappedCaller out;
  out.delegated = scopes && !(roles && says_application(claims, reader.text({"idtyp"})));
  if (out.delegated) {
    out.requestor = mapping.user.empty() ? first_of({claims.preferred_username, claims.upn,
                                                     claims.email, claims.unique_name, claims.sub})
                                         : reader.text(mapping.user);
    out.permissions = bits_of(*scopes, mapping.scope_map, permission_of_scope);
    if (!mapping.user_roles.empty()) {
      const auto names = reader.texts(mapping.user_roles).value_or(std::vector<std::string>());
      out.permissions &= permissions_of(bits_of(names, mapping.user_role_map, user_role_of));
    }
  } else {
    out.requestor = first_of({claims.appid, claims.azp, claims.client_id, claims.sub});
    out.permissions =
        bits_of(roles.value_or(std::vector<std::string>()), mapping.role_map, permission_of_role);
  }
  return reader.good() ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace reachback::server
