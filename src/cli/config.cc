#include "cli/config.h"

#define TOML_EXCEPTIONS 0
#include <fmt/format.h>
#include <sys/stat.h>
#include <toml++/toml.h>

#include <cstdlib>

#include "base/file.h"
#include "cli/login_file.h"
#include "net/http_client.h"

namespace reachback::cli {
namespace {

constexpr const char* kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";
constexpr std::uint64_t kFileBytesMax = 64 << 10;

struct Key {
  const char* name;
  const char* variable;
};
constexpr Key kKeys[] = {{"url", "REACHBACK_URL"},
                         {"tenant", "REACHBACK_TENANT"},
                         {"client_id", "REACHBACK_CLIENT_ID"},
                         {"client_secret", "REACHBACK_CLIENT_SECRET"},
                         {"ca", "REACHBACK_CA"}};

Error bad(std::string what) {
  return Error{Errc::invalid_input, std::move(what)};
}

bool is_known(std::string_view name) {
  for (const Key& key : kKeys) {
    if (name == key.name) {
      return true;
    }
  }
  return false;
}

Result<std::map<std::string, std::string>> read_toml(const std::string& path,
                                                     std::vector<std::string>& warnings) {
  std::map<std::string, std::string> out;
  auto text = read_file(path, kFileBytesMax);
  if (!text) {
    if (text.error().code == Errc::not_found) {
      return out;
    }
    return text.error().in("configuration");
  }
  toml::parse_result parsed = toml::parse(*text, path);
  if (!parsed) {
    return bad(fmt::format("{} line {}: {}: correct the file", path,
                           parsed.error().source().begin.line, parsed.error().description()));
  }
  for (const auto& [key, node] : parsed.table()) {
    std::string name(key.str());
    auto line = node.source().begin.line;
    if (!is_known(name)) {
      return bad(
          fmt::format("{} line {}: unknown key '{}': the keys are url, tenant, client_id, "
                      "client_secret and ca",
                      path, line, name));
    }
    auto value = node.value<std::string>();
    if (!node.is_string() || !value) {
      return bad(
          fmt::format("{} line {}: '{}' is not a string: put it in quotes", path, line, name));
    }
    out[name] = *value;
  }
  struct stat info{};
  if (out.contains("client_secret") && stat(path.c_str(), &info) == 0 &&
      (info.st_mode & 077) != 0) {
    warnings.push_back(path + " holds a secret and others can read it: chmod 600 it");
  }
  return out;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1" || host == "[::1]";
}

Result<std::string> check_url(std::string url) {
  auto parsed = net::parse_url(url);
  bool https = url.starts_with("https://");
  bool http = url.starts_with("http://");
  if (!parsed || !(https || http) || parsed->target != "/" ||
      url.find_first_of("?#@") != std::string::npos) {
    return bad("REACHBACK_URL '" + url + "' is not an address: write https://host:port");
  }
  if (http && !is_loopback(parsed->origin.host)) {
    return bad("REACHBACK_URL '" + url + "' would send the secret unencrypted: use https");
  }
  while (url.ends_with('/')) {
    url.pop_back();
  }
  return url;
}

}  // namespace

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
  };
}

Result<Config> load_config(const Environment& environment, Need need,
                           const std::map<std::string, std::string>& overrides) {
  Config out;
  std::map<std::string, std::string> values;
  std::string path = "~/.config/reachback/config.toml";
  std::vector<Login> logins;
  if (auto home = environment("HOME")) {
    path = *home + "/.config/reachback/config.toml";
    out.login_file = *home + "/.config/reachback/logins.json";
    RB_TRY_ASSIGN(values, read_toml(path, out.warnings));
  }
  for (const Key& key : kKeys) {
    if (auto value = environment(key.variable)) {
      values[key.name] = *value;
    }
    if (auto value = overrides.find(key.name); value != overrides.end()) {
      values[key.name] = value->second;
    }
  }
  if (!values["url"].empty()) {
    RB_TRY_ASSIGN(out.url, check_url(values["url"]));
  }
  out.tenant = values["tenant"];
  out.client_id = values["client_id"];
  out.client_secret = Secret(need == Need::a_login ? "" : values["client_secret"]);
  out.ca = values["ca"];
  if (out.client_secret.empty() && !out.login_file.empty()) {
    RB_TRY_ASSIGN(logins, read_logins(out.login_file));
  }
  const Login* login = find_login(logins, out);
  if (login != nullptr && need != Need::to_sign_in) {
    out.url = login->url;
    out.tenant = login->tenant;
    out.client_id = login->client_id;
    out.ca = out.ca.empty() ? login->ca : out.ca;
  }
  const std::string_view missing = out.url.empty()                                 ? "url"
                                   : need == Need::to_sign_in                      ? ""
                                   : out.tenant.empty()                            ? "tenant"
                                   : out.client_id.empty()                         ? "client_id"
                                   : out.client_secret.empty() && login == nullptr ? "client_secret"
                                                                                   : "";
  for (const Key& key : kKeys) {
    if (missing == key.name) {
      return bad(
          fmt::format("no {} is set: sign in with reachback login --url URL, or export {} or write "
                      "it into {}",
                      key.name, key.variable, path));
    }
  }
  if (out.ca.empty() && out.url.starts_with("https://")) {
    if (!path_exists(kSystemBundle)) {
      return bad("no CA is set: export REACHBACK_CA with the path of the server's ca file");
    }
    out.ca = kSystemBundle;
  }
  return out;
}

}  // namespace reachback::cli
