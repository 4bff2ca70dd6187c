// The few pages that people see: signing in, and its ends. Plain HTML without script, but for the
// page that passes an answer on as a form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/message.h"
#include "server/rest/query.h"

namespace reachback::server::rest {

struct SignInPage {
  std::string_view action;          // where the form goes
  std::string_view app_name;        // who asks
  std::vector<std::string> scopes;  // for what
  std::string_view from;       // address of the program of a device code; empty: no device code
  std::string_view error;      // what went wrong before; empty: nothing
  std::string_view user_name;  // filled in
  Pairs hidden;                // comes back with the form
  std::string_view redirect;   // where the browser may go after it; empty: nowhere
};
net::Response sign_in_page(int status, const SignInPage& page);
// Asks for the code that a program shows.
net::Response device_code_page(int status, std::string_view error, std::string_view user_code);
// The end: one heading, one sentence.
net::Response message_page(int status, std::string_view heading, std::string_view text);
// Posts the answer's parameters to the application. Source: OAuth 2.0 Form Post Response Mode.
net::Response form_post_page(std::string_view uri, const Pairs& answer);

std::string escape_html(std::string_view text);
// What may stand as form-action for a redirect to `uri`: its scheme and host.
std::string origin_of(std::string_view uri);

}  // namespace reachback::server::rest
