#include "server/rest/pages.h"

#include "base/bytes.h"
#include "crypto/digest.h"

namespace reachback::server::rest {
namespace {

constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f3f4f6,#111827);color:light-dark(#111827,#f3f4f6)}
main{box-sizing:border-box;width:min(26rem,100%);padding:2rem;background:light-dark(#fff,#1f2937);border-radius:.75rem;box-shadow:0 1px 4px #0003}
h1{font-size:1.3rem;margin:0 0 1rem}
label{display:block;margin:.75rem 0 .25rem}
input{box-sizing:border-box;width:100%;font:inherit;padding:.5rem;border:1px solid #6b7280;border-radius:.375rem;background:transparent;color:inherit}
button{font:inherit;padding:.5rem 1rem;margin:1.25rem .5rem 0 0;border:1px solid #1d4ed8;border-radius:.375rem;background:#1d4ed8;color:#fff;cursor:pointer}
button.quiet{background:transparent;color:inherit;border-color:#6b7280}
.error{padding:.5rem .75rem;border-left:4px solid #dc2626;background:#dc262622}
ul{padding-left:1.25rem}
small{opacity:.75})css";
constexpr std::string_view kSubmit = "document.forms[0].submit()";

std::string hash_source(std::string_view text) {
  return "'sha256-" + to_base64(as_bytes(crypto::sha256(text))) + "'";
}

// form_action: a source of CSP where the form may go, or be redirected to.
net::Response page(int status, std::string_view title, std::string_view body,
                   std::string_view form_action, bool submits = false) {
  static const std::string style = hash_source(kStyle), script = hash_source(kSubmit);
  net::Response out;
  out.status = status;
  out.headers.add("Content-Type", "text/html; charset=utf-8");
  out.headers.add("Cache-Control", "no-store");
  out.headers.add("X-Content-Type-Options", "nosniff");
  out.headers.add("Referrer-Policy", "no-referrer");
  out.headers.add("X-Frame-Options", "DENY");
  out.headers.add("Content-Security-Policy", "default-src 'none'; style-src " + style +
                                                 (submits ? "; script-src " + script : "") +
                                                 "; form-action " + std::string(form_action) +
                                                 "; frame-ancestors 'none'; base-uri 'none'");
  out.body =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>" +
      escape_html(title) + "</title><style>" + std::string(kStyle) +
      "</style></head><body><main>\n" + std::string(body) + "</main></body></html>\n";
  return out;
}

std::string hidden_inputs(const Pairs& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    out += "<input type=\"hidden\" name=\"" + escape_html(name) + "\" value=\"" +
           escape_html(value) + "\">\n";
  }
  return out;
}

std::string error_line(std::string_view error) {
  return error.empty() ? std::string()
                       : "<p class=\"error\" role=\"alert\">" + escape_html(error) + "</p>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string origin_of(std::string_view uri) {
  const auto scheme = uri.find("://");
  if (scheme == std::string_view::npos) {
    return std::string(uri.substr(0, uri.find(':') + 1));  // an application's own scheme
  }
  const auto end = uri.find_first_of("/?#", scheme + 3);
  return std::string(uri.substr(0, end));
}

net::Response sign_in_page(int status, const SignInPage& p) {
  std::string body = "<h1>Sign in to Reachback</h1>\n" + error_line(p.error);
  body += "<p><strong>" + escape_html(p.app_name) + "</strong> asks to act for you:</p>\n<ul>";
  for (const std::string& scope : p.scopes) {
    body += "<li>" + escape_html(scope) + "</li>";
  }
  body += "</ul>\n";
  if (!p.from.empty()) {
    body += "<p>The program that shows the code is at <strong>" + escape_html(p.from) +
            "</strong>. Go on only if you started it yourself.</p>\n";
  }
  body +=
      "<form method=\"post\" action=\"" + escape_html(p.action) + "\">\n" + hidden_inputs(p.hidden);
  body +=
      "<label for=\"username\">User name</label>"
      "<input id=\"username\" name=\"username\" autocomplete=\"username\" value=\"" +
      escape_html(p.user_name) + "\"" + (p.user_name.empty() ? " autofocus" : "") + ">\n";
  body +=
      "<label for=\"password\">Password</label><input id=\"password\" name=\"password\" "
      "type=\"password\" autocomplete=\"current-password\"" +
      std::string(p.user_name.empty() ? "" : " autofocus") + ">\n";
  body +=
      "<label for=\"otp\">One-time code <small>(from your authenticator app, if you have "
      "one)</small></label><input id=\"otp\" name=\"otp\" inputmode=\"numeric\" "
      "autocomplete=\"one-time-code\" maxlength=\"7\">\n"
      "<button name=\"answer\" value=\"yes\">Sign in and allow</button>"
      "<button class=\"quiet\" name=\"answer\" value=\"no\">Cancel</button>\n</form>\n";
  // Browsers hold a redirect after the form against form-action, too.
  std::string form_action = "'self'";
  if (!p.redirect.empty()) {
    form_action += " " + origin_of(p.redirect);
  }
  return page(status, "Sign in - Reachback", body, form_action);
}

net::Response device_code_page(int status, std::string_view error, std::string_view user_code) {
  return page(status, "Enter the code - Reachback",
              "<h1>Enter the code</h1>\n" + error_line(error) +
                  "<p>The program that you want to sign in shows it.</p>\n"
                  "<form method=\"post\" action=\"/devicelogin\">\n"
                  "<label for=\"user_code\">Code</label><input id=\"user_code\" "
                  "name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" "
                  "autofocus value=\"" +
                  escape_html(user_code) + "\">\n<button>Next</button>\n</form>\n",
              "'self'");
}

net::Response message_page(int status, std::string_view heading, std::string_view text) {
  return page(status, std::string(heading) + " - Reachback",
              "<h1>" + escape_html(heading) + "</h1>\n<p>" + escape_html(text) + "</p>\n",
              "'none'");
}

net::Response form_post_page(std::string_view uri, const Pairs& answer) {
  return page(200, "Reachback",
              "<form method=\"post\" action=\"" + escape_html(uri) + "\">\n" +
                  hidden_inputs(answer) + "<p>You are signed in.</p>\n<button>Go on</button>\n" +
                  "</form>\n<script>" + std::string(kSubmit) + "</script>\n",
              origin_of(uri), /*submits=*/true);
}

}  // namespace reachback::server::rest
