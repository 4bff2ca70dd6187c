#include "server/console/console_http.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/text.h"
#include "json/json.h"
#include "net/etag.h"
#include "server/ports/console_app.h"

namespace reachback::server {
namespace {

constexpr std::string_view kRoot = "/console/";
constexpr std::string_view kConfig = "config.json";
// What the console asks tokens for, as MDE's clients do.
constexpr std::string_view kResource = "https://api.securitycenter.microsoft.com";
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'";
constexpr std::string_view kNotInstalled =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Reachback</title>"
    "</head><body><main><h1>The web console is not installed on this server</h1>\n"
    "<p>Its files are made in the source tree: <code>./dev console build</code>. A server that "
    "runs "
    "elsewhere is told in its settings file where they are, and is started again:</p>\n"
    "<pre>[console]\nfolder = \"/path/to/console/dist\"</pre>\n"
    "<p>The API and the command line work without it.</p></main></body></html>\n";

// The next element of a comma-separated list, blanks around it cut off.
std::string_view next_element(std::string_view& list) {
  const auto end = std::min(list.find(','), list.size());
  const std::string_view element = trim_blanks(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return element;
}

// "q=0", "q=0.000": not taken.
bool is_refused(std::string_view parameters) {
  const auto at = parameters.find("q=");
  if (at == std::string_view::npos) {
    return false;
  }
  const std::string_view value = parameters.substr(at + 2);
  return value.starts_with('0') && value.find_first_of("123456789") == std::string_view::npos;
}

void add_safety(net::Response& out) {
  out.headers.set("Content-Security-Policy", std::string(kPolicy));
  out.headers.set("X-Content-Type-Options", "nosniff");
  out.headers.set("X-Frame-Options", "DENY");
  out.headers.set("Referrer-Policy", "no-referrer");
  out.headers.set("Cross-Origin-Opener-Policy", "same-origin");
  out.headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  out.headers.set("Cross-Origin-Resource-Policy", "same-origin");
  out.headers.set("Permissions-Policy",
                  "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
}

// Exactly once.
void respond(net::Exchange& exchange, net::Response response) {
  add_safety(response);
  response.head_only = exchange.request().method == "HEAD";
  exchange.respond(std::move(response));
}

net::Response redirect() {
  net::Response out;
  out.status = 302;
  out.headers.add("Location", std::string(kRoot));
  out.headers.add("Cache-Control", "no-store");
  return out;
}

// Whether a segment is one that an address of the API could have, too (rest's split_path()).
bool is_plain(std::string_view raw) {
  const auto segment = percent_decode(raw);
  return segment && !segment->empty() && *segment != "." && *segment != ".." &&
         is_valid_utf8(*segment) && std::none_of(segment->begin(), segment->end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\' ||
                  c == ';';
         });
}

// What is a page of the console's own: it has a history of addresses that are no files.
bool is_page(std::string_view path) {
  if (!content_type_of(path).empty() || path.starts_with("assets/")) {
    return false;
  }
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    if (!is_plain(path.substr(0, end))) {
      return false;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

}  // namespace

bool takes_gzip(std::string_view list) {
  std::optional<bool> any;
  while (!list.empty()) {
    const std::string_view element = next_element(list);
    const auto semicolon = std::min(element.find(';'), element.size());
    const std::string_view coding = trim_blanks(element.substr(0, semicolon));
    const bool taken = !is_refused(element.substr(semicolon));
    if (equals_ignore_case(coding, "gzip") || equals_ignore_case(coding, "x-gzip")) {
      return taken;
    }
    if (coding == "*") {
      any = taken;
    }
  }
  return any.value_or(false);
}

bool ConsoleHttp::handles(std::string_view path) const {
  return path == "/" || path == kRoot.substr(0, kRoot.size() - 1) || path.starts_with(kRoot);
}

void ConsoleHttp::handle(const std::shared_ptr<net::Exchange>& exchange) const {
  const net::Request& request = exchange->request();
  if (request.method != "GET" && request.method != "HEAD") {
    net::Response out = deps_.error(405, "The method is not allowed here, allowed: GET, HEAD");
    out.headers.set("Allow", "GET, HEAD");
    respond(*exchange, std::move(out));
    return;
  }
  const std::string_view path = request.path();
  if (!path.starts_with(kRoot)) {
    respond(*exchange, redirect());
    return;
  }
  const std::string_view name = path.substr(kRoot.size());
  if (name != kConfig) {
    respond(*exchange, file(request, name));
    return;
  }
  deps_.apps.app(settings_.tenant, console_app_id(), [this, exchange](const Result<App>& app) {
    respond(*exchange, config(exchange->request(), app));
  });
}

net::Response ConsoleHttp::file(const net::Request& request, std::string_view path) const {
  if (files_.empty()) {
    net::Response out;
    out.status = 404;
    out.headers.add("Content-Type", "text/html; charset=utf-8");
    out.headers.add("Cache-Control", "no-store");
    out.body = kNotInstalled;
    return out;
  }
  const ConsoleFile* found = files_.find(path);
  if (found == nullptr && is_page(path)) {
    found = files_.find("index.html");
  }
  if (found == nullptr) {
    return deps_.error(404, "There is no such file of the console");
  }
  const bool gzip =
      !found->gzip.empty() && takes_gzip(request.headers.get("Accept-Encoding").value_or(""));
  const std::string& etag = gzip ? found->gzip_etag : found->etag;
  net::Response out;
  out.headers.add("ETag", etag);
  out.headers.add("Vary", "Accept-Encoding");
  out.headers.add("Cache-Control",
                  found->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (net::etag_listed(request.headers.get("If-None-Match").value_or(""), etag,
                       /*weak_too=*/true)) {
    out.status = 304;
    return out;
  }
  out.headers.add("Content-Type", found->type);
  if (gzip) {
    out.headers.add("Content-Encoding", "gzip");
  }
  out.body = gzip ? found->gzip : found->content;
  return out;
}

net::Response ConsoleHttp::config(const net::Request& request, const Result<App>& app) const {
  if (!app && app.error().code != Errc::not_found) {
    return deps_.error(503, "The service is not available now, try again");
  }
  if (!app || app->scopes.empty()) {
    return deps_.error(404,
                       "The application that people sign in through in the console was deleted; "
                       "'reachback-server app console' makes it again");
  }
  const std::string base = deps_.base_of(request);
  const std::string tenant = settings_.tenant.text();
  net::Response out;
  out.headers.add("Content-Type", "application/json");
  out.headers.add("Cache-Control", "no-store");
  out.body = json::write(json::Object{{"tenantId", tenant},
                                      {"clientId", app->id.text()},
                                      {"authority", base + "/" + tenant + "/v2.0"},
                                      {"resource", std::string(kResource)},
                                      {"publicUrl", base},
                                      {"agentsUrl", settings_.agents_url},
                                      {"version", settings_.version},
                                      {"profile", settings_.profile}});
  return out;
}

// {file}: any number of segments.
std::vector<RouteRow> ConsoleHttp::route_rows() {
  std::vector<RouteRow> out;
  for (const char* path : {"/", "/console", "/console/{file}", "/console/config.json"}) {
    for (const char* method : {"GET", "HEAD"}) {
      out.push_back({RouteRow::Listener::api, method, path, "console", "none", 0, "none"});
    }
  }
  return out;
}

}  // namespace reachback::server
