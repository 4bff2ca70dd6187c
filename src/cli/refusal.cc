#include <fmt/format.h>

#include "cli/api.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

std::string text(const json::Object& object, const char* name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// "<Code>AuthenticationFailed</Code>" -> "AuthenticationFailed"
std::string xml_code(std::string_view body) {
  std::size_t from = body.find("<Code>"), to = body.find("</Code>");
  return from == std::string_view::npos || to == std::string_view::npos || to < from
             ? std::string()
             : std::string(body.substr(from + 6, to - from - 6));
}

std::string said(std::string_view body) {
  auto parsed = json::parse(body);
  if (!parsed || !parsed->is_object()) {
    return xml_code(body);
  }
  const json::Object& object = parsed->get_object();
  const json::Value* error = object.if_contains("error");
  if (error != nullptr && error->is_object()) {
    return text(error->get_object(), "code") + ": " + text(error->get_object(), "message");
  }
  if (error != nullptr && error->is_string()) {
    return text(object, "error") + ": " + text(object, "error_description");
  }
  return {};
}

const char* advice(int status, std::string_view said) {
  if (said.starts_with("invalid_client")) {
    return "check REACHBACK_CLIENT_ID and REACHBACK_CLIENT_SECRET";
  }
  if (said.starts_with("invalid_scope")) {
    return "set REACHBACK_URL to the server's public URL";
  }
  if (said.starts_with("ActiveRequestAlreadyExists")) {
    return "wait for the machine's action to end, or cancel it (reachback actions)";
  }
  switch (status) {
    case 401:
      return "check REACHBACK_TENANT, REACHBACK_CLIENT_ID and REACHBACK_CLIENT_SECRET";
    case 403:
      return "give the application the role it needs (reachback-server app create --role)";
    case 404:
      return "check the id or name";
    case 409:
      return "look at how it stands now";
    case 413:
      return "send less";
    case 429:
      return "try again later";
    default:
      return status >= 500 ? "look into the server's log" : "correct the request";
  }
}

}  // namespace

std::string describe_refusal(int status, std::string_view body) {
  std::string reason = said(body).substr(0, 500);
  return fmt::format("{} (HTTP {}): {}", reason.empty() ? "the server refused" : reason, status,
                     advice(status, reason));
}

Error refusal_of(int status, std::string_view body) {
  const bool is_busy = said(body).starts_with("ActiveRequestAlreadyExists");
  return Error{is_busy ? Errc::already_active : code_of_status(status),
               describe_refusal(status, body)};
}

Errc code_of_status(int status) {
  switch (status) {
    case 401:
      return Errc::unauthenticated;
    case 403:
      return Errc::forbidden;
    case 404:
      return Errc::not_found;
    case 409:
      return Errc::conflict;
    case 410:
      return Errc::gone;
    case 413:
      return Errc::too_large;
    case 429:
      return Errc::too_many_requests;
    default:
      return status >= 500 ? Errc::internal : Errc::invalid_input;
  }
}

}  // namespace reachback::cli
