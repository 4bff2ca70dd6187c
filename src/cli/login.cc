// `login` by device code (RFC 8628), and `logout` (RFC 7009).
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/fields.h"
#include "cli/login_file.h"
#include "cli/token_claims.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

using std::chrono::seconds;

constexpr int kSlowDown_s = 5;  // Source: RFC 8628 §3.5

std::string sign_in_path(const Login& login, const char* what) {
  return "/" + percent_encode(login.tenant) + "/oauth2/v2.0/" + what;
}

int number(const Fields& fields, const char* name, int otherwise, int max) {
  const std::string text = fields.text(name);
  if (text.empty() || text.size() > 8 ||
      text.find_first_not_of("0123456789") != std::string::npos) {
    return otherwise;
  }
  return std::clamp(std::stoi(text), 1, max);
}

// What the configuration leaves open, the server's console knows.
Result<void> complete_place(Api& api, Login& login) {
  if (!login.tenant.empty() && !login.client_id.empty()) {
    return {};
  }
  RB_TRY_ASSIGN(const PlainAnswer answer, api.plain("/console/config.json", std::nullopt));
  auto console = answer.status == 200 ? Fields::parse(answer.body)
                                      : Result<Fields>(Error{Errc::not_found, ""});
  if (!console) {
    return Error{Errc::invalid_input,
                 login.url + " does not tell whom to sign in to: give --tenant and --client-id"};
  }
  login.tenant = login.tenant.empty() ? console->text("tenantId") : login.tenant;
  login.client_id = login.client_id.empty() ? console->text("clientId") : login.client_id;
  return login.tenant.empty() || login.client_id.empty()
             ? Result<void>(Error{Errc::protocol, login.url + " does not tell whom to sign in to: "
                                                              "give --tenant and --client-id"})
             : Result<void>();
}

Error refusal(const PlainAnswer& answer) {
  return Error{code_of_status(answer.status),
               "no sign-in: " + describe_refusal(answer.status, answer.body)};
}

std::string oauth_error(const PlainAnswer& answer) {
  auto body = Fields::parse(answer.body);
  return body.ok() ? body->text("error") : std::string();
}

// Asks until somebody has signed in, or will not.
Result<TokenAnswer> wait_for_tokens(Api& api, const Login& login, const Fields& device) {
  int interval_s = number(device, "interval", 5, 60);
  int left_s = number(device, "expires_in", 900, 3600);
  const std::string form =
      "grant_type=" + percent_encode("urn:ietf:params:oauth:grant-type:device_code") +
      "&client_id=" + percent_encode(login.client_id) +
      "&device_code=" + percent_encode(device.text("device_code"));
  while (left_s > 0) {
    if (!api.pause(seconds(interval_s))) {
      return Error{Errc::timed_out, "interrupted"};
    }
    left_s -= interval_s;
    auto answer = api.plain(sign_in_path(login, "token"), form);
    if (!answer) {
      // Source: RFC 8628 §3.5: a connection that times out is a reason to ask less often.
      if (api.interrupted() || left_s <= 0) {
        return answer.error();
      }
      interval_s = std::min(interval_s * 2, 60);
      continue;
    }
    if (answer->status == 200) {
      return read_token_answer(*answer, login.url);
    }
    const std::string error = oauth_error(*answer);
    if (error == "slow_down") {
      interval_s += kSlowDown_s;
    } else if (error == "access_denied" || error == "authorization_declined") {
      return Error{Errc::forbidden, "the sign-in was declined: reachback login begins another"};
    } else if (error != "authorization_pending") {
      break;
    }
  }
  return Error{Errc::timed_out, "nobody signed in with the code in time: reachback login again"};
}

}  // namespace

Result<int> login(Api& api, const Terminal& terminal, const Config& config,
                  const LoginOptions& options) {
  if (config.login_file.empty()) {
    return Error{Errc::invalid_input, "there is no HOME for the tokens: export HOME"};
  }
  // Said before anybody types a password in vain.
  RB_TRY(read_logins(config.login_file));
  Login login{config.url, config.tenant, config.client_id, config.ca, "", {}, {}};
  RB_TRY(complete_place(api, login));
  RB_TRY_ASSIGN(const PlainAnswer begun,
                api.plain(sign_in_path(login, "devicecode"),
                          "client_id=" + percent_encode(login.client_id) + "&scope=" +
                              percent_encode(config.url + "/.default openid offline_access")));
  if (begun.status != 200) {
    return refusal(begun);
  }
  RB_TRY_ASSIGN(const Fields device, Fields::parse(begun.body));
  complain(fmt::format("open {} in any browser and enter the code {}",
                       device.text("verification_uri"),
                       terminal.paint_error(Colour::none, device.text("user_code"))));
  RB_TRY_ASSIGN(const TokenAnswer tokens, wait_for_tokens(api, login, device));
  login.access = tokens.access;
  login.refresh = tokens.refresh;
  login.access_until_s = unix_now_s() + tokens.lifetime_s;
  if (auto claims = token_claims(tokens.id_token)) {
    login.user = claims->text("preferred_username");
  }
  {
    RB_TRY_ASSIGN(const Fd lock, lock_logins(config.login_file));
    RB_TRY(keep_login(config.login_file, login));
  }
  if (!config.client_secret.empty()) {
    complain(
        "warning: a client_secret is set and counts before this sign-in: unset "
        "REACHBACK_CLIENT_SECRET or take it out of config.toml");
  }
  RB_TRY(write_out(
      options.json
          ? "{\"user\":" + json::quote(login.user) + ",\"url\":" + json::quote(login.url) +
                ",\"tenant\":" + json::quote(login.tenant) +
                ",\"clientId\":" + json::quote(login.client_id) + "}\n"
          : "signed in as " + escape_line(login.user) + " at " + escape_line(login.url) + "\n"));
  return 0;
}

Result<int> logout(Api& api, const Config& config, const LogoutOptions& options) {
  RB_TRY_ASSIGN(const Fd lock, lock_logins(config.login_file));
  RB_TRY_ASSIGN(const std::vector<Login> logins, read_logins(config.login_file));
  const Login* login = find_login(logins, config);
  if (login == nullptr) {
    return Error{Errc::not_found, "nobody is signed in at " + config.url};
  }
  const Secret& token = login->refresh.empty() ? login->access : login->refresh;
  auto revoked =
      api.plain(sign_in_path(*login, "revoke"), "client_id=" + percent_encode(login->client_id) +
                                                    "&token=" + percent_encode(token.reveal()));
  RB_TRY(forget_login(config.login_file, *login));
  const bool is_heard = revoked.ok() && revoked->status == 200;
  RB_TRY(write_out(options.json ? "{\"user\":" + json::quote(login->user) +
                                      ",\"revoked\":" + (is_heard ? "true" : "false") + "}\n"
                                : escape_line(login->user) + " is signed out\n"));
  if (!is_heard) {
    const Error why = revoked.ok() ? refusal(*revoked) : revoked.error();
    return Error{why.code,
                 "signed out here, but the server did not hear of it and the tokens count until "
                 "they end: " +
                     why.message};
  }
  return 0;
}

}  // namespace reachback::cli
