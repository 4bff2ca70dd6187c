#include "server/wire/issuer_reader.h"

#include "server/ports/users.h"

namespace reachback::server {
namespace {

constexpr std::size_t kPathMembersMax = 8;
constexpr std::size_t kMapEntriesMax = 1000;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

// "realm_access.roles", or a list of the members' names where one has a point in it.
Result<ClaimPath> path_of(const toml::node& node) {
  ClaimPath out;
  if (node.is_string()) {
    std::string_view rest = node.as_string()->get();
    for (;;) {
      const std::size_t point = rest.find('.');
      out.emplace_back(rest.substr(0, point));
      if (point == std::string_view::npos) {
        break;
      }
      rest.remove_prefix(point + 1);
    }
  } else {
    auto members = list_of_texts(node);
    if (!members) {
      return Error{Errc::invalid_input,
                   "is neither a path like realm_access.roles nor a list of "
                   "the names on it"};
    }
    out = std::move(*members);
  }
  bool broken = out.empty() || out.size() > kPathMembersMax;
  for (const std::string& member : out) {
    broken = broken || member.empty() || member.size() > 256;
  }
  if (broken) {
    return Error{Errc::invalid_input,
                 "is not a path of 1 to 8 names with a point between each two"};
  }
  return out;
}

// What a value of theirs stands for: one name of ours, or a list of them.
template <typename Bits>
Result<std::map<std::string, Bits, std::less<>>> map_of(const toml::table& table,
                                                        const std::string& key,
                                                        const std::string& file,
                                                        Bits (*bits_of)(std::string_view),
                                                        std::vector<std::string> (*all)()) {
  std::map<std::string, Bits, std::less<>> out;
  for (const auto& [value, node] : table) {
    const std::string theirs(value.str());
    std::string where = place_of(node, file);
    where.append(key).append(".\"").append(theirs).append("\" ");
    auto names = node.is_string() ? Result<std::vector<std::string>>({node.as_string()->get()})
                                  : list_of_texts(node);
    if (!names || theirs.empty() || out.size() >= kMapEntriesMax) {
      return Error{Errc::invalid_input,
                   where + (!names           ? "is not a name or a list of names"
                            : theirs.empty() ? "is empty"
                                             : "is one too many: 1000 at most")};
    }
    Bits bits = 0;
    for (const std::string& name : *names) {
      const Bits one = bits_of(name);
      if (one == 0) {
        where.append("names '").append(name).append("'; there are ").append(joined(all()));
        return Error{Errc::invalid_input, where};
      }
      bits |= one;
    }
    out.emplace(theirs, bits);
  }
  return out;
}

class IssuerReader {
 public:
  IssuerReader(const toml::table& table, const std::string& file)
      : table_(table), file_(file), reader_(table, "issuers.", file) {}

  Result<IssuerConfig> read() {
    text("issuer", out_.issuer);
    reader_.texts("audiences", out_.audiences);
    text("jwks_file", out_.jwks_file);
    text("jwks_url", out_.jwks_url);
    text("ca_file", out_.ca_file);
    path("roles_claim", out_.claims.roles);
    path("scopes_claim", out_.claims.scopes);
    path("user_claim", out_.claims.user);
    path("user_roles_claim", out_.claims.user_roles);
    map("role_map", out_.claims.role_map, permission_of_role, all_roles);
    map("scope_map", out_.claims.scope_map, permission_of_scope, all_scopes);
    map("user_roles", out_.claims.user_role_map, user_role_of, user_role_names);
    RB_TRY(reader_.read());
    if (out_.issuer.empty() || out_.audiences.empty()) {
      return refused("needs issuer and audiences");
    }
    if (!out_.jwks_file.empty() && !out_.jwks_url.empty()) {
      return refused("has both jwks_file and jwks_url");
    }
    if (out_.claims.user_role_map && out_.claims.user_roles.empty()) {
      return refused("has user_roles, and no user_roles_claim that says where they stand");
    }
    return std::move(out_);
  }

 private:
  Error refused(const char* why) const {
    return Error{Errc::invalid_input, place_of(table_, file_) + "issuers " + why};
  }
  void text(const std::string& name, std::string& out) {
    reader_.text(name, [&out](const std::string& value) -> Result<void> {
      out = value;
      return {};
    });
  }
  void path(const std::string& name, ClaimPath& out) {
    reader_.key(name, [&out](const toml::node& node) -> Result<void> {
      RB_TRY_ASSIGN(out, path_of(node));
      return {};
    });
  }
  template <typename Map, typename BitsOf>
  void map(const std::string& name, std::optional<Map>& out, BitsOf bits_of,
           std::vector<std::string> (*all)()) {
    reader_.table(name, [this, name, &out, bits_of, all](const toml::table& t) -> Result<void> {
      RB_TRY_ASSIGN(out,
                    (map_of<typename Map::mapped_type>(t, "issuers." + name, file_, bits_of, all)));
      return {};
    });
  }

  const toml::table& table_;
  const std::string& file_;
  TableReader reader_;
  IssuerConfig out_;
};

}  // namespace

Result<IssuerConfig> read_issuer(const toml::table& table, const std::string& file) {
  return IssuerReader(table, file).read();
}

}  // namespace reachback::server
