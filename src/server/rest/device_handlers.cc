// The device grant: POST /{tenant}/oauth2/v2.0/devicecode and /{tenant}/oauth2/devicecode give a
// program its codes, GET and POST /devicelogin let its user sign in. Source: RFC 8628.
#include "server/rest/delegated_scope.h"
#include "server/rest/handlers.h"
#include "server/rest/json_text.h"
#include "server/rest/pages.h"
#include "server/rest/sign_in_plane.h"
#include "server/rest/token_client.h"
#include "server/rest/token_request.h"
#include "server/rest/user_sign_in.h"

namespace reachback::server::rest {
namespace {

std::string render_start(const DeviceStart& start, const std::string& url, TokenVersion version,
                         const Bounds& bounds) {
  const auto seconds = [](Duration d) {
    return std::chrono::duration_cast<std::chrono::seconds>(d).count();
  };
  std::string out;
  ObjectText object(out);
  object.text("user_code", start.user_code).text("device_code", start.device_code);
  const std::int64_t expires = seconds(bounds.device_code_lifetime);
  const std::int64_t interval = seconds(bounds.device_code_interval);
  if (version == TokenVersion::v2) {
    object.text("verification_uri", url);
    object.text("verification_uri_complete", url + "?user_code=" + start.user_code);
    object.number("expires_in", expires).number("interval", interval);
  } else {
    object.text("verification_url", url);
    object.text("expires_in", std::to_string(expires));
    object.text("interval", std::to_string(interval));
  }
  object.text("message", "To sign in, open the page " + url + " in a browser and enter the code " +
                             start.user_code + ".");
  object.close();
  return out;
}

void post_device_code(Core& core, const CallPtr& call, TokenVersion version) {
  auto tenant = served_tenant(core, call->params.front());
  if (!tenant) {
    core.refuse(*call, unknown_tenant(call->params.front()));
    return;
  }
  auto request =
      parse_device_request(call->request(), call->content(), core.bounds.token_parameters);
  if (!request) {
    core.refuse(*call, request.error());
    return;
  }
  authenticate_client(
      core, call, *tenant, request->client,
      [&core, call, version, request = *request](const AuthenticatedClient& client) {
        auto ask = read_ask(client.app, {request.scope, request.resource, "", version},
                            core.deps.audiences);
        if (!ask) {
          core.refuse(*call, ask.error());
          return;
        }
        if (auto wait = core.wrong_secrets.decide("device_start\n" + call->request().peer_ip,
                                                  core.bounds.device_starts,
                                                  core.deps.clock.since_boot())) {
          Refusal refusal(Error{Errc::too_many_requests, "Too many device codes, try again later"});
          core.refuse(*call, refusal.retry_after(*wait));
          return;
        }
        auto start = core.deps.user_access.devices.add(
            *ask, client.app.name, call->request().peer_ip, core.deps.clock.now());
        if (!start) {
          core.refuse(*call, start.error());
          return;
        }
        core.answer(*call, 200,
                    render_start(*start, call->base + "/devicelogin", version, core.bounds));
      });
}

void show_form(Core& core, const CallPtr& call, const DeviceCodes::Waiting& waiting,
               const Pairs& form, int status, std::string_view error) {
  SignInPage page;
  page.action = "/devicelogin";
  page.app_name = waiting.app_name;
  page.scopes = waiting.ask.scopes;
  page.from = waiting.peer_ip;
  page.error = error;
  page.user_name = parameter(form, "username");
  page.hidden.emplace_back("user_code", parameter(form, "user_code"));
  core.answer(*call, sign_in_page(status, page));
}

// The user is known and says yes.
void approve(Core& core, const CallPtr& call, const std::string& user_code, const User& user) {
  const Timestamp now = core.deps.clock.now();
  const bool done =
      core.deps.user_access.devices.approve(user_code, {user.id, user.name, now}, now);
  core.answer(*call,
              done ? message_page(200, "You are signed in",
                                  "Go back to the program; this page can be closed.")
                   : device_code_page(400, "The code is over. Let the program begin again.", ""));
}

void sign_in(Core& core, const CallPtr& call, const DeviceCodes::Waiting& waiting,
             const Pairs& form) {
  const std::string user_code(parameter(form, "user_code"));
  check_user(core, call, waiting.ask.tenant, form,
             [&core, call, waiting, form, user_code](Result<User> user) {
               if (user) {
                 approve(core, call, user_code, *user);
                 return;
               }
               if (user.error().code == Errc::invalid_grant) {
                 core.deps.user_access.devices.miss(user_code, core.deps.clock.now());
               }
               const PageError refused = page_error(user.error());
               show_form(core, call, waiting, form, refused.status, refused.text);
             });
}

}  // namespace

void post_device_code_v1(Core& core, const CallPtr& call) {
  post_device_code(core, call, TokenVersion::v1);
}

void post_device_code_v2(Core& core, const CallPtr& call) {
  post_device_code(core, call, TokenVersion::v2);
}

void get_device_login(Core& core, const CallPtr& call) {
  core.answer(*call, device_code_page(200, "", parameter(call->query, "user_code").substr(0, 16)));
}

void post_device_login(Core& core, const CallPtr& call) {
  auto form = page_parameters(*call);
  if (!form || is_from_elsewhere(*call)) {
    core.answer(
        *call,
        device_code_page(
            400, form ? "The form came from another site." : form.error().message + ".", ""));
    return;
  }
  // So many tries of one address, right or wrong: codes are short. Source: trust.md §5.1 17.
  if (core.wrong_secrets.decide("user_code\n" + call->request().peer_ip,
                                core.bounds.user_code_tries, core.deps.clock.since_boot())) {
    core.answer(*call, device_code_page(429, "Too many tries, try again later.", ""));
    return;
  }
  const std::string_view user_code = parameter(*form, "user_code");
  const Timestamp now = core.deps.clock.now();
  auto waiting = core.deps.user_access.devices.find(user_code, now);
  if (!waiting) {
    core.answer(*call, device_code_page(400, "The code is not known, or it is over.", ""));
    return;
  }
  const std::string_view answer = parameter(*form, "answer");
  if (answer == "no") {
    core.deps.user_access.devices.deny(user_code, now);
    core.answer(*call, message_page(200, "Nobody was signed in", "The program was told so."));
  } else if (answer == "yes") {
    sign_in(core, call, *waiting, *form);
  } else {
    show_form(core, call, *waiting, *form, 200, "");
  }
}

}  // namespace reachback::server::rest
