#include "server/rest/errors.h"

#include <algorithm>
#include <charconv>

#include "base/ids.h"
#include "base/log.h"
#include "json/json.h"
#include "server/rest/json_text.h"

namespace reachback::data {
extern const std::string_view errors_json;
}

namespace reachback::server::rest {
namespace {

using Target = UuidId<struct TargetTag>;

Error broken(std::string_view what) {
  return Error{Errc::corrupt, "api/errors.json: " + std::string(what)};
}

const json::Object* object_of(const json::Object& parent, std::string_view key) {
  const json::Value* v = parent.if_contains(key);
  return v == nullptr ? nullptr : v->if_object();
}

std::optional<std::string> string_of(const json::Object& row, std::string_view key) {
  const json::Value* v = row.if_contains(key);
  return v != nullptr && v->is_string() ? std::optional<std::string>(v->get_string())
                                        : std::nullopt;
}

std::optional<std::int64_t> number_of(const json::Object& row, std::string_view key) {
  const json::Value* v = row.if_contains(key);
  return v != nullptr && v->is_int64() ? std::optional<std::int64_t>(v->get_int64()) : std::nullopt;
}

// The message that goes out; the real one of a 5xx goes to the log under the same target.
std::string_view outgoing(const ErrorRow& row, const Error& error, std::string_view target) {
  if (row.status >= 500) {
    log_error("request failed", {field("target", target), field("code", to_string(error.code)),
                                 field("error", error.message)});
  }
  return row.message ? std::string_view(*row.message) : std::string_view(error.message);
}

void add_headers(net::Response& response, const ErrorRow& row, const Refusal& refusal) {
  if (refusal.retry_after_s || row.retry_after_s) {
    response.headers.add(
        "Retry-After",
        std::to_string(refusal.retry_after_s.value_or(row.retry_after_s.value_or(1))));
  }
  for (const auto& [name, value] : refusal.headers) {
    response.headers.add(name, value);
  }
}

std::string envelope(std::string_view code, std::string_view message, std::string_view target) {
  std::string out = "{\"error\":";
  ObjectText(out).text("code", code).text("message", message).text("target", target).close();
  out += '}';
  return out;
}

}  // namespace

Result<ErrorTable> ErrorTable::load() {
  return parse(data::errors_json);
}

Result<ErrorTable> ErrorTable::parse(std::string_view text) {
  auto root = json::parse(text);
  if (!root) {
    return broken(root.error().message);
  }
  const json::Object* object = root->if_object();
  const json::Object* errors = object == nullptr ? nullptr : object_of(*object, "errors");
  const json::Object* statuses = object == nullptr ? nullptr : object_of(*object, "statuses");
  if (errors == nullptr || statuses == nullptr) {
    return broken("'errors' or 'statuses' is not there");
  }
  ErrorTable out;
  for (std::size_t i = 0; i < kCodes; ++i) {
    std::string name(to_string(static_cast<Errc>(i)));
    const json::Object* row = object_of(*errors, name);
    if (row == nullptr) {
      return broken("no row for " + name);
    }
    auto status = number_of(*row, "status"), aadsts = number_of(*row, "aadsts");
    auto code = string_of(*row, "code"), oauth = string_of(*row, "oauth");
    if (!status || *status < 400 || *status > 599 || !aadsts || !code || !oauth) {
      return broken("the row of " + name + " lacks status, code, oauth or aadsts");
    }
    auto retry = number_of(*row, "retry_after_s");
    out.rows_[i] = ErrorRow{static_cast<int>(*status),
                            *code,
                            string_of(*row, "message"),
                            retry ? std::optional<std::uint32_t>(*retry) : std::nullopt,
                            *oauth,
                            *aadsts};
  }
  if (errors->size() != kCodes) {
    return broken("a row names no error code of the program");
  }
  for (const auto& [status, code] : *statuses) {
    int number = 0;
    const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), number);
    if (error != std::errc() || end != status.data() + status.size() || number < 400 ||
        !code.is_string()) {
      return broken("'statuses' holds something else than status and code");
    }
    out.statuses_[number] = std::string(code.get_string());
  }
  return out;
}

std::string_view ErrorTable::code_of_status(int status) const {
  auto found = statuses_.find(status);
  if (found != statuses_.end()) {
    return found->second;
  }
  return status >= 500 ? "InternalServerError" : "BadRequest";
}

Refusal& Refusal::retry_after(Duration wait) {
  auto whole = std::chrono::ceil<std::chrono::seconds>(wait).count();
  retry_after_s = static_cast<std::uint64_t>(std::max<std::int64_t>(1, whole));
  return *this;
}

Refusal& Refusal::header(std::string name, std::string value) {
  headers.emplace_back(std::move(name), std::move(value));
  return *this;
}

net::Response json_response(int status, std::string body) {
  net::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body = std::move(body);
  return response;
}

net::Response render_api_error(const ErrorTable& table, Random& random, const Refusal& refusal) {
  const ErrorRow& row = table.row(refusal.error.code);
  std::string target = Target::make(random).text();
  std::string_view message = outgoing(row, refusal.error, target);
  auto response = json_response(
      row.status, envelope(refusal.code.empty() ? row.code : refusal.code, message, target));
  add_headers(response, row, refusal);
  return response;
}

net::Response render_status_error(const ErrorTable& table, Random& random, int status,
                                  std::string_view message) {
  return json_response(
      status, envelope(table.code_of_status(status), message, Target::make(random).text()));
}

net::Response render_oauth_error(const ErrorTable& table, Random& random, Timestamp now,
                                 const Refusal& refusal) {
  const ErrorRow& row = table.row(refusal.error.code);
  std::int64_t number = refusal.aadsts.value_or(row.aadsts);
  std::string trace = Target::make(random).text(), correlation = Target::make(random).text();
  std::string at = format_time_seconds(now);
  std::replace(at.begin(), at.end(), 'T', ' ');
  std::string description =
      "AADSTS" + std::to_string(number) + ": " + std::string(outgoing(row, refusal.error, trace)) +
      " Trace ID: " + trace + " Correlation ID: " + correlation + " Timestamp: " + at;
  std::string body;
  ObjectText object(body);
  object.text("error", row.oauth).text("error_description", description);
  object.value("error_codes") += '[' + std::to_string(number) + ']';
  object.text("timestamp", at).text("trace_id", trace).text("correlation_id", correlation).close();
  auto response = json_response(row.status, std::move(body));
  add_headers(response, row, refusal);
  return response;
}

}  // namespace reachback::server::rest
