#include "server/rest/rest_api.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"
#include "crypto/digest.h"
#include "server/rest/call.h"
#include "server/rest/interactive_table.h"

namespace reachback::server::rest {
namespace {

// Callers are applications and users that hold a valid token; a key is one of them at one endpoint.
constexpr std::size_t kCallKeysMax = 4096;
// One application at one address: strangers can make many, so this is what their memory costs.
constexpr std::size_t kWrongSecretKeysMax = 1 << 16;
constexpr std::size_t kQueryPairsMax = 1000;

// "https://host[:port]" without a path; a slash at the end does not count.
Result<std::string> checked_url(std::string_view url) {
  std::string_view rest = url;
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  std::string out(rest);
  auto scheme = rest.find("://");
  bool known = scheme != std::string_view::npos &&
               (rest.substr(0, scheme) == "https" || rest.substr(0, scheme) == "http");
  if (known) {
    rest.remove_prefix(scheme + 3);
  }
  if (!known || rest.empty() || rest.find_first_of("/?# \\\"@") != std::string_view::npos) {
    return Error{Errc::invalid_input,
                 "the public URL must be https://host[:port]: '" + std::string(url) + "'"};
  }
  return out;
}

std::string allow(const std::vector<const Route*>& routes) {
  std::string out;
  for (const Route* route : routes) {
    out += (out.empty() ? "" : ", ") + std::string(route->method);
  }
  return out;
}

// The bearer token of a request. Errors: unauthenticated (none), invalid_request (twice, or
// another scheme's form). Source: RFC 6750 §2, §3.1.
Result<std::string_view> bearer(const net::Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  if (request.headers.count("Authorization") > 1) {
    return Error{Errc::invalid_request, "There are two Authorization headers"};
  }
  auto header = request.headers.get("Authorization");
  if (!header || !equals_ignore_case(header->substr(0, kScheme.size()), kScheme)) {
    return Error{Errc::unauthenticated, "A bearer token is required"};
  }
  std::string_view token = header->substr(kScheme.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  return token;
}

std::vector<Window> so_many_times(std::vector<Window> windows, std::uint64_t factor) {
  for (Window& w : windows) {
    w.calls = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(w.calls * factor, std::numeric_limits<std::uint32_t>::max()));
  }
  return windows;
}

Refusal with_challenge(Error error, std::string_view code) {
  Refusal refusal(std::move(error));
  return refusal.header("WWW-Authenticate",
                        code.empty() ? "Bearer" : "Bearer error=\"" + std::string(code) + "\"");
}

}  // namespace

Bounds Bounds::of(const Limits& limits, Profile profile, std::uint64_t rate_factor) {
  auto n = [&](std::string_view name) { return limits.value(profile, name); };
  auto t = [&](std::string_view name) { return limits.duration(profile, name); };
  auto window = [&](std::string_view name, Duration length) {
    return Window{static_cast<std::uint32_t>(n(name)), length};
  };
  using std::chrono::hours, std::chrono::minutes;
  Bounds b{};
  b.page_bytes = n("page_bytes");
  b.list_work = n("list_work");
  b.list = ListLimits{n("page_size"), n("skip"),
                      odata::Bounds{n("query_option_bytes"), n("filter_nesting"), n("filter_terms"),
                                    n("filter_values"), n("orderby_keys")}};
  b.wait_timeout = t("wait_timeout");
  b.wait_default = t("wait_default");
  b.live_views = n("live_views");
  b.live_views_of_caller = n("live_views_of_caller");
  b.machine_inactive_after = t("machine_inactive_after");
  b.run_body_bytes = n("run_body_bytes");
  b.cancel_body_bytes = n("cancel_body_bytes");
  b.token_body_bytes = n("token_body_bytes");
  b.token_parameters = n("token_parameters");
  b.library_body_bytes = n("library_body_bytes");
  b.library_file_bytes = n("library_file_bytes");
  b.library_text_bytes = n("library_text_bytes");
  b.multipart_parts = n("multipart_parts");
  b.multipart_header_bytes = n("multipart_header_bytes");
  b.multipart_boundary_chars = n("multipart_boundary_chars");
  b.machine_body_bytes = n("machine_body_bytes");
  b.tag_chars = n("tag_chars");
  b.tags = n("tags");
  b.tag_machines = n("tag_machines");
  b.find_by_ip_history = t("find_by_ip_history");
  b.settings_body_bytes = n("settings_body_bytes");
  b.audit_page = n("audit_page");
  b.audit_page_default = n("audit_page_default");
  b.commands = n("commands");
  b.comment_chars = n("comment_chars");
  b.title_chars = n("title_chars");
  b.args_bytes = n("args_bytes");
  b.get_file_path_bytes = n("get_file_path_bytes");
  b.interactive_line_bytes = n("interactive_line_bytes");
  b.interactive_body_bytes = n("interactive_body_bytes");
  b.terminal_typed_bytes = n("terminal_typed_bytes");
  b.terminal_side = n("terminal_side");
  b.idempotency_key_chars = n("idempotency_key_chars");
  b.calls = {window("calls_per_minute", minutes(1)), window("calls_per_hour", hours(1))};
  b.run_calls = {window("run_calls_per_minute", minutes(1))};
  b.package_uri_calls = {window("package_uri_calls_per_minute", minutes(1)),
                         window("package_uri_calls_per_hour", hours(1))};
  b.typing_calls = {window("typing_calls_per_minute", minutes(1))};
  for (std::vector<Window>* rates :
       {&b.calls, &b.run_calls, &b.package_uri_calls, &b.typing_calls}) {
    *rates = so_many_times(std::move(*rates), rate_factor);
  }
  b.wrong_secrets = {window("wrong_secrets_per_minute", minutes(1))};
  b.password_tries = {window("password_tries_per_minute", minutes(1))};
  b.device_starts = {window("device_starts_per_minute", minutes(1))};
  b.wrong_passwords_of_user = {window("wrong_passwords_of_user_per_hour", hours(1))};
  b.user_code_tries = {window("user_code_tries_per_minute", minutes(1))};
  b.device_code_lifetime = t("device_code_lifetime");
  b.device_code_interval = t("device_code_interval");
  return b;
}

Core::Core(RestDeps d, RestOptions o, ErrorTable e, Bounds b, PermissionTable p, Documents about,
           InteractiveTable commands)
    : deps(d),
      options(std::move(o)),
      errors(std::move(e)),
      bounds(std::move(b)),
      permissions(std::move(p)),
      documents(std::move(about)),
      interactive(std::move(commands)),
      router(route_table()),
      read_all_results(options.read_all_results.value_or(options.profile == Profile::y2025) &&
                       !options.strict),
      calls(kCallKeysMax),
      wrong_secrets(kWrongSecretKeysMax) {}

void Core::answer(const Call& call, net::Response response) const {
  if (call.route != nullptr && call.route->plane != Plane::sign_in) {
    response.headers.add("OData-Version", "4.0");
  }
  response.head_only = call.request().method == "HEAD";
  call.exchange->respond(std::move(response));
}

void Core::answer(const Call& call, int status, std::string json) const {
  answer(call, json_response(status, std::move(json)));
}

void Core::answer_count(const Call& call, std::uint64_t count) const {
  net::Response response;
  response.status = 200;
  response.headers.add("Content-Type", "text/plain");
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body = std::to_string(count);
  answer(call, std::move(response));
}

void Core::refuse(const Call& call, const Refusal& refusal) const {
  bool oauth = call.route != nullptr && call.route->plane == Plane::sign_in;
  answer(call, oauth ? render_oauth_error(errors, deps.random, deps.clock.now(), refusal)
                     : render_api_error(errors, deps.random, refusal));
}

std::string Core::base_for(const net::Request& request) const {
  std::string_view host = request.headers.get("Host").value_or("");
  constexpr std::string_view kDefaultPort = ":443";
  std::string_view bare =
      host.ends_with(kDefaultPort) ? host.substr(0, host.size() - kDefaultPort.size()) : host;
  for (const std::string& alias : options.alias_hosts) {
    if (equals_ignore_case(alias, host) || equals_ignore_case(alias, bare)) {
      return "https://" + alias;
    }
  }
  return options.public_url;
}

std::vector<std::string> Core::own_addresses() const {
  std::vector<std::string> out{options.public_url};
  for (const std::string& alias : options.alias_hosts) {
    out.push_back("https://" + alias);
  }
  return out;
}

void Core::handle(std::shared_ptr<net::Exchange> exchange) {
  auto call = std::make_shared<Call>();
  call->exchange = std::move(exchange);
  const net::Request& request = call->request();
  Match match = router.match(request.path());
  if (match.routes.empty() && request.method == "CONNECT") {
    Refusal refusal(Error{Errc::method_not_allowed, "This is no proxy"});
    refuse(*call, refusal.header("Allow", "DELETE, GET, PATCH, POST"));
    return;
  }
  if (match.routes.empty()) {
    Refusal refusal(Error{Errc::not_found, "There is nothing at this address"});
    refusal.code = errors.code_of_status(404);
    refuse(*call, refusal);
    return;
  }
  call->route = match.routes.front();  // its plane shapes the errors
  const Route* chosen = nullptr;
  for (const Route* route : match.routes) {
    if (route->method == request.method) {
      chosen = route;
    }
  }
  if (chosen == nullptr) {
    Refusal refusal(Error{Errc::method_not_allowed,
                          "The method is not allowed here, allowed: " + allow(match.routes)});
    refuse(*call, refusal.header("Allow", allow(match.routes)));
    return;
  }
  call->route = chosen;
  call->params = std::move(match.params);
  call->base = base_for(request);
  if (!admit(*call)) {
    return;
  }
  serve(call);
}

Permissions Core::enough_for(const Call& call, std::string_view route) const {
  const RoutePermissions* open = permissions.find(route);
  if (open == nullptr) {
    return 0;  // broken_route() has refused such a table
  }
  if (call.principal.delegated) {
    return open->delegated;
  }
  return open->application | (read_all_results ? open->read_all_results : 0);
}

// Who calls, whether they may, and not too often. Each check answers by itself when it fails.
Result<void> Core::admit(Call& call) {
  const net::Request& request = call.request();
  const Route& route = *call.route;
  auto refused = [&](const Refusal& refusal) {
    refuse(call, refusal);
    return refusal.error;
  };
  auto query = parse_pairs(request.query(), kQueryPairsMax);
  if (route.plane == Plane::sign_in) {
    // The token handler reads the query by itself: it must say which secret stood there.
    call.query = query ? std::move(*query) : Pairs{};
    return {};
  }
  if (query && !values_of(*query, "access_token").empty()) {
    return refused(
        with_challenge(Error{Errc::invalid_request, "A token must not be in the query string"},
                       "invalid_request"));
  }
  if (route.plane == Plane::about) {
    if (!query) {
      return refused(query.error());
    }
    call.query = std::move(*query);
    return {};
  }
  auto token = bearer(request);
  if (!token) {
    bool absent = token.error().code == Errc::unauthenticated;
    return refused(with_challenge(token.error(), absent ? "" : "invalid_request"));
  }
  auto principal = deps.verifier.verify(*token, deps.clock.now());
  if (!principal) {
    switch (principal.error().code) {
      case Errc::unauthenticated:
        return refused(with_challenge(principal.error(), "invalid_token"));
      case Errc::forbidden:
        return refused(with_challenge(principal.error(), "insufficient_scope"));
      default:
        return refused(principal.error());
    }
  }
  // What the user may at this moment.
  if (auto may = deps.user_access.rights.apply(*principal); !may) {
    return refused(with_challenge(may.error(), "invalid_token"));
  }
  call.principal = std::move(*principal);
  call.principal.origin.peer_ip = request.peer_ip;
  call.exchange->trust();
  if (!call.principal.may_any(enough_for(call))) {
    return refused(with_challenge(
        Error{Errc::forbidden, "The token lacks the permission that this operation needs"},
        "insufficient_scope"));
  }
  // Of this application: so many times the server's; 0: it has none.
  const std::uint32_t factor =
      options.limits_enabled
          ? deps.app_rates.factor_of(call.principal.tenant, call.principal.caller)
          : 0;
  if (factor > 0) {
    const auto& windows = route.rate == Rate::run_calls           ? bounds.run_calls
                          : route.rate == Rate::package_uri_calls ? bounds.package_uri_calls
                          : route.rate == Rate::typing_calls      ? bounds.typing_calls
                                                                  : bounds.calls;
    std::string key = call.principal.tenant.text() + call.principal.caller + '\n';
    key += route.name;
    const Duration now = deps.clock.since_boot();
    if (auto wait = factor == 1 ? calls.decide(key, windows, now)
                                : calls.decide(key, so_many_times(windows, factor), now)) {
      Refusal refusal(Error{Errc::too_many_requests, "Too many calls, try again later"});
      return refused(refusal.retry_after(*wait));
    }
  }
  if (!query) {
    return refused(query.error());
  }
  call.query = std::move(*query);
  return {};
}

// What the audit calls the hash of the request. Not of a sign-in: its body holds a secret.
void Core::note_request(Call& call) const {
  const Route& route = *call.route;
  if (!route.audited) {
    return;
  }
  const net::Request& request = call.request();
  crypto::Sha256Stream digest;
  digest.update(request.method);
  digest.update(" ");
  digest.update(request.target);
  digest.update("\n");
  digest.update(call.content());
  call.principal.origin.request = digest.finish();
}

void Core::record(const CallPtr& call, AccessRecord record, std::function<void()> then) {
  record.at = deps.clock.now();
  record.peer_ip = call->request().peer_ip;
  deps.audit.append(std::move(record), [this, call,
                                        then = std::move(then)](const Result<void>& written) {
    if (!written) {
      refuse(*call, Error{Errc::unavailable, "The audit log cannot be written, try again later"});
      return;
    }
    then();
  });
}

void Core::serve(const CallPtr& call) {
  const Route& route = *call->route;
  if (route.body_max == nullptr) {
    note_request(*call);
    route.handler(*this, call);
    return;
  }
  call->exchange->read_body(bounds.*route.body_max,
                            [this, call](std::shared_ptr<const net::Body> body) {
                              call->body = std::move(body);
                              note_request(*call);
                              call->route->handler(*this, call);
                            });
}

Result<std::unique_ptr<RestApi>> RestApi::create(RestDeps deps, RestOptions options) {
  RB_TRY_ASSIGN(PermissionTable permissions,
                PermissionTable::load(options.profile, options.strict));
  if (std::string broken = broken_route(route_table(), permissions); !broken.empty()) {
    return Error{Errc::internal, "route table: " + broken};
  }
  RB_TRY_ASSIGN(ErrorTable errors, ErrorTable::load());
  RB_TRY_ASSIGN(Limits limits, Limits::load());
  Bounds bounds = Bounds::of(limits, options.profile, options.rate_factor);
  std::string url = std::exchange(options.public_url, "");
  RB_TRY_ASSIGN(Documents documents, Documents::load());
  RB_TRY_ASSIGN(InteractiveTable interactive, load_interactive_table());
  auto core =
      std::make_unique<Core>(deps, std::move(options), std::move(errors), bounds,
                             std::move(permissions), std::move(documents), std::move(interactive));
  std::unique_ptr<RestApi> api(new RestApi(std::move(core)));
  if (!url.empty()) {
    RB_TRY(api->set_public_url(url));
  }
  return api;
}

RestApi::RestApi(std::unique_ptr<Core> core) : core_(std::move(core)) {}
RestApi::~RestApi() = default;

Result<void> RestApi::set_public_url(std::string_view url) {
  RB_TRY_ASSIGN(core_->options.public_url, checked_url(url));
  return {};
}

void RestApi::handle(std::shared_ptr<net::Exchange> exchange) {
  core_->handle(std::move(exchange));
}

std::string RestApi::base_for(const net::Request& request) const {
  return core_->base_for(request);
}

net::Response RestApi::render_error(int status, std::string_view message) {
  return render_status_error(core_->errors, core_->deps.random, status, message);
}

}  // namespace reachback::server::rest
