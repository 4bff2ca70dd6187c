// GET and POST /{tenant}/oauth2/v2.0/authorize and /{tenant}/oauth2/authorize: a user signs in on a
// page, and its browser takes a code to the application. Nobody stays signed in: there is no
// cookie. Source: RFC 6749 §4.1.
#include "server/rest/authorize_request.h"
#include "server/rest/handlers.h"
#include "server/rest/pages.h"
#include "server/rest/sign_in_plane.h"
#include "server/rest/user_sign_in.h"

namespace reachback::server::rest {
namespace {

// Of the request, and in the form again.
constexpr std::string_view kAsked[] = {"client_id",
                                       "redirect_uri",
                                       "response_type",
                                       "response_mode",
                                       "scope",
                                       "resource",
                                       "state",
                                       "nonce",
                                       "prompt",
                                       "code_challenge",
                                       "code_challenge_method"};

void refuse_page(Core& core, const CallPtr& call, int status, std::string_view text) {
  core.answer(*call, message_page(status, "This does not work", text));
}

// The browser takes an answer to the application.
void send_back(Core& core, const CallPtr& call, std::string_view uri, ResponseMode mode,
               const Pairs& answer) {
  if (mode == ResponseMode::form_post) {
    core.answer(*call, form_post_page(uri, answer));
    return;
  }
  net::Response out;
  out.status = 303;  // a POST becomes a GET there. Source: RFC 9700 §4.12
  out.headers.add("Location", redirect_target(uri, mode, answer));
  out.headers.add("Cache-Control", "no-store");
  out.headers.add("Referrer-Policy", "no-referrer");
  core.answer(*call, std::move(out));
}

void send_error_back(Core& core, const CallPtr& call, const Pairs& parameters, const Error& error) {
  Pairs answer{{"error", std::string(redirect_error(error.code))},
               {"error_description", error.message}};
  if (auto state = parameter(parameters, "state"); !state.empty()) {
    answer.emplace_back("state", state);
  }
  send_back(core, call, parameter(parameters, "redirect_uri"), response_mode_of(parameters),
            answer);
}

void show_form(Core& core, const CallPtr& call, const App& app, const Pairs& parameters,
               const AuthorizeRequest& asked, int status, std::string_view error) {
  SignInPage page;
  page.action = call->request().path();
  page.app_name = app.name;
  page.scopes = asked.ask.scopes;
  page.error = error;
  page.user_name = parameter(parameters, "username");
  if (page.user_name.empty()) {
    page.user_name = asked.login_hint;
  }
  for (std::string_view name : kAsked) {
    if (auto value = parameter(parameters, name); !value.empty()) {
      page.hidden.emplace_back(name, value);
    }
  }
  page.redirect = asked.redirect_uri;
  core.answer(*call, sign_in_page(status, page));
}

// The user is known: the code goes to the application.
void give_code(Core& core, const CallPtr& call, const Pairs& parameters,
               const AuthorizeRequest& asked, const User& user) {
  const Timestamp now = core.deps.clock.now();
  AuthorizationCode code{asked.ask,
                         {user.id, user.name, now},
                         asked.redirect_uri,
                         asked.challenge,
                         GrantId::make(core.deps.random)};
  auto text = core.deps.user_access.codes.add(std::move(code), now);
  if (!text) {
    send_error_back(core, call, parameters, text.error());
    return;
  }
  Pairs answer{{"code", *text}};
  if (!asked.state.empty()) {
    answer.emplace_back("state", asked.state);
  }
  send_back(core, call, asked.redirect_uri, asked.mode, answer);
}

void sign_in(Core& core, const CallPtr& call, const App& app, const Pairs& parameters,
             const AuthorizeRequest& asked) {
  if (is_from_elsewhere(*call)) {
    refuse_page(core, call, 400,
                "The form came from another site. Begin again at the application.");
    return;
  }
  if (parameter(parameters, "answer") == "no") {
    send_error_back(core, call, parameters, Error{Errc::access_denied, "The user said no"});
    return;
  }
  check_user(core, call, app.tenant, parameters,
             [&core, call, app, parameters, asked](Result<User> user) {
               if (user) {
                 give_code(core, call, parameters, asked, *user);
                 return;
               }
               const PageError refused = page_error(user.error());
               show_form(core, call, app, parameters, asked, refused.status, refused.text);
             });
}

void authorize(Core& core, const CallPtr& call, TokenVersion version) {
  auto tenant = served_tenant(core, call->params.front());
  auto parameters = page_parameters(*call);
  if (!tenant || !parameters) {
    refuse_page(core, call, 400,
                tenant ? parameters.error().message : "The tenant of the address is not known.");
    return;
  }
  const std::string client_id(parameter(*parameters, "client_id"));
  core.deps.user_access.app(
      *tenant, client_id,
      [&core, call, version, parameters = *std::move(parameters)](Result<App> app) {
        if (!app && app.error().code != Errc::invalid_client) {
          refuse_page(core, call, 503, "The service is not available now, try again.");
          return;
        }
        // Whoever is not known gets nobody's browser sent anywhere.
        if (!app) {
          refuse_page(core, call, 400, app.error().message + " (client_id).");
          return;
        }
        if (values_of(parameters, "redirect_uri").size() != 1 ||
            values_of(parameters, "client_id").size() != 1 ||
            !may_redirect_to(*app, parameter(parameters, "redirect_uri"), core.own_addresses())) {
          refuse_page(core, call, 400,
                      "The application may not have people sent to this address (redirect_uri).");
          return;
        }
        auto asked = read_authorize_request(*app, parameters, version, core.deps.audiences);
        if (!asked) {
          send_error_back(core, call, parameters, asked.error());
        } else if (call->request().method == "POST") {
          sign_in(core, call, *app, parameters, *asked);
        } else {
          show_form(core, call, *app, parameters, *asked, 200, "");
        }
      });
}

}  // namespace

void authorize_v1(Core& core, const CallPtr& call) {
  authorize(core, call, TokenVersion::v1);
}

void authorize_v2(Core& core, const CallPtr& call) {
  authorize(core, call, TokenVersion::v2);
}

}  // namespace reachback::server::rest
