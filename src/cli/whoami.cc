// `whoami`: as the server sees it; a server that cannot say is asked for nothing but a token, which
// says it too.
#include <fmt/format.h>

#include <ctime>

#include "cli/commands.h"
#include "cli/fields.h"
#include "cli/token_claims.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string time_text(const std::string& unix_s) {
  if (unix_s.empty() || unix_s.size() > 12 ||
      unix_s.find_first_not_of("0123456789") != std::string::npos) {
    return {};
  }
  const std::time_t seconds = std::stoll(unix_s);
  std::tm parts{};
  char text[32];
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return {};
  }
  return text;
}

json::Array words_of(const std::string& text) {
  json::Array out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) {
      out.emplace_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return out;
}

// In the form of the server's answer.
Result<Fields> from_claims(const Fields& claims) {
  std::string name = claims.text("preferred_username");
  name = name.empty() ? claims.text("upn") : name;
  std::string application = claims.text("azp");
  application = application.empty() ? claims.text("appid") : application;
  json::Array permissions = words_of(claims.text("scp"));
  for (const std::string& role : claims.texts("roles")) {
    permissions.emplace_back(role);
  }
  return Fields::parse(json::write(json::Object{{"name", name.empty() ? application : name},
                                                {"application", application},
                                                {"roles", json::Array()},
                                                {"permissions", std::move(permissions)},
                                                {"groups", json::Array()},
                                                {"expires", time_text(claims.text("exp"))}}));
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

}  // namespace

Result<int> whoami(Api& api, const Terminal&, const WhoamiOptions& options) {
  auto answer = api.get("/api/reachback/me");
  auto me = answer.ok() ? Fields::parse(*answer) : Result<Fields>(answer.error());
  if (!me && me.error().code == Errc::not_found) {
    RB_TRY_ASSIGN(const Secret token, api.token());
    auto claims = token_claims(token.reveal());
    me = claims ? from_claims(*claims)
                : Result<Fields>(Error{Errc::protocol, "the token does not say who asks"});
  }
  RB_TRY(me);
  if (options.json) {
    RB_TRY(write_out(me->json() + "\n"));
    return 0;
  }
  std::string out;
  auto line = [&out](const char* name, const std::string& value) {
    if (!value.empty()) {
      out += fmt::format("{:<12} {}\n", name, escape_line(value));
    }
  };
  line("name", me->text("name"));
  line("application", me->text("application"));
  line("roles", joined(me->texts("roles")));
  line("permissions", joined(me->texts("permissions")));
  line("groups", joined(me->texts("groups")));
  line("expires", me->text("expires"));
  RB_TRY(write_out(out));
  return 0;
}

}  // namespace reachback::cli
