#include "server/blob_http/blob_http.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/log.h"
#include "server/blob_http/blob_call.h"

namespace reachback::server {
namespace {

constexpr std::string_view kRefused =
    "Server failed to authenticate the request. Make sure the link is whole, unchanged and not "
    "expired.";

// The keys of a query that name the operation, and what is left: the link's own keys, as received.
struct Operation {
  std::string comp, block_id, block_list_type;
  std::string link_query;
};

// nullopt: one of them twice, or not well encoded.
std::optional<Operation> split_query(std::string_view query) {
  Operation out;
  bool first = true;
  std::array<bool, 3> seen{};
  for (std::size_t at = 0; at <= query.size();) {
    auto end = std::min(query.find('&', at), query.size());
    std::string_view pair = query.substr(at, end - at);
    at = end + 1;
    auto equals = std::min(pair.find('='), pair.size());
    std::string_view key = pair.substr(0, equals);
    std::size_t which = key == "comp" ? 0 : key == "blockid" ? 1 : key == "blocklisttype" ? 2 : 3;
    if (which == 3) {
      out.link_query.append(std::exchange(first, false) ? "" : "&").append(pair);
      continue;
    }
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!value || std::exchange(seen[which], true)) {
      return std::nullopt;
    }
    (which == 0 ? out.comp : which == 1 ? out.block_id : out.block_list_type) = std::move(*value);
  }
  return out;
}

bool is_plain_text(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f; });
}

// Signed header overrides become headers of the answer.
bool overrides_are_headers(const protocol::SasFields& f) {
  return is_plain_text(f.cache_control) && is_plain_text(f.content_disposition) &&
         is_plain_text(f.content_encoding) && is_plain_text(f.content_language) &&
         is_plain_text(f.content_type);
}

struct Wanted {
  std::string_view letters;  // one of these must be in sp
  bool known_method = true;
};

Wanted wanted_for(const net::Request& request, const Operation& operation) {
  if (request.method == "GET" || request.method == "HEAD") {
    return {operation.comp.empty() ? "r" : "w"};
  }
  if (request.method == "PUT") {
    return {"wc"};
  }
  // Blobs know DELETE and POST, but no link of ours allows them.
  return {"", request.method == "DELETE" || request.method == "POST"};
}

}  // namespace

bool BlobHttp::handles(std::string_view path) const {
  const std::string& account = store_.links().account();
  return path.size() > account.size() && path[0] == '/' &&
         path.substr(1, account.size()) == account &&
         (path.size() == account.size() + 1 || path[account.size() + 1] == '/');
}

// The path below is what every link has; another one carries no signature that fits.
std::vector<RouteRow> BlobHttp::route_rows(const BlobLimits& limits) {
  const std::string path =
      "/{account}/investigation-actions-data/{tenant}/CustomPlaybookCommandOutput/{blob}";
  auto row = [&](RouteRow::Listener listener, const char* method, const char* query,
                 const char* credential, std::uint64_t body) {
    return RouteRow{listener, method, path + query, "blob", credential, body, "size"};
  };
  using enum RouteRow::Listener;
  return {
      row(api, "GET", "", "read link", 0),
      row(api, "HEAD", "", "read link", 0),
      row(agents, "GET", "", "read link", 0),
      row(agents, "HEAD", "", "read link", 0),
      row(agents, "PUT", "", "write link", limits.put_bytes_max),
      row(agents, "PUT", "?comp=block", "write link", limits.block_bytes_max),
      row(agents, "PUT", "?comp=blocklist", "write link", kBlockListBytesMax),
      row(agents, "GET", "?comp=blocklist", "write link", 0),
  };
}

void BlobHttp::handle(std::shared_ptr<net::Exchange> exchange, Side side) {
  const net::Request& request = exchange->request();
  const std::string request_id = UuidId<struct RequestTag>::make(random_).text();
  auto refuse = [&](const Error& why) {
    log_debug("blob link refused", {field("why", why.message), field("peer", request.peer_ip),
                                    field("request", request_id)});
    auto response = blob_error(403, "AuthenticationFailed", kRefused, request_id);
    response.head_only = request.method == "HEAD";
    exchange->respond(std::move(response));
  };

  auto operation = split_query(request.query());
  if (!operation) {
    return refuse({Errc::forbidden, "a key of the operation twice or not well encoded"});
  }
  Wanted wanted = wanted_for(request, *operation);
  if (!wanted.known_method) {
    auto response = blob_error(405, "UnsupportedHttpVerb",
                               "The resource doesn't support the specified HTTP verb.", request_id);
    response.headers.add("Allow", side == Side::public_url ? "GET, HEAD" : "GET, HEAD, PUT");
    return exchange->respond(std::move(response));
  }
  if (side == Side::public_url && (wanted.letters != "r" || !operation->block_id.empty() ||
                                   !operation->block_list_type.empty())) {
    return refuse({Errc::forbidden, "not an operation of a read link"});
  }
  auto access = store_.links().check(request.path(), operation->link_query, wanted.letters,
                                     request.peer_ip, clock_.now());
  if (!access) {
    return refuse(access.error());
  }
  exchange->trust();
  const protocol::SasFields& sas = access->sas.fields;
  if (side == Side::public_url && sas.permissions != "r") {
    return refuse({Errc::forbidden, "only sp=r is served here"});
  }
  if (!overrides_are_headers(sas)) {
    return refuse({Errc::forbidden, "a header override holds a control character"});
  }

  auto call = std::make_shared<BlobCall>(BlobCall{store_, audit_, clock_, exchange, request_id,
                                                  std::move(*access), operation->comp,
                                                  operation->block_id, operation->block_list_type});
  if (request.method == "PUT") {
    serve_put(call);
  } else if (call->comp == "blocklist" && request.method == "GET") {
    serve_block_list(call);
  } else if (call->comp.empty()) {
    serve_get(call);
  } else {
    answer_error(*call, 400, "InvalidQueryParameterValue", "comp is not an operation served here.");
  }
}

net::Response blob_response(int status, std::string_view request_id) {
  net::Response response;
  response.status = status;
  response.headers.add("x-ms-request-id", std::string(request_id));
  response.headers.add("x-ms-version", std::string(protocol::kSasVersion));
  // Whatever a browser makes of bytes from an endpoint: not a page, not a script, nobody's
  // referrer.
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Content-Security-Policy", "default-src 'none'; sandbox");
  response.headers.add("Referrer-Policy", "no-referrer");
  return response;
}

net::Response blob_error(int status, std::string_view code, std::string_view message,
                         std::string_view request_id) {
  net::Response response = blob_response(status, request_id);
  response.headers.add("x-ms-error-code", std::string(code));
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("Content-Type", "application/xml");
  response.body = fmt::format(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{}</Code><Message>{}</Message>"
      "</Error>",
      code, message);
  return response;
}

void answer(const BlobCall& call, net::Response response) {
  response.head_only = call.exchange->request().method == "HEAD";
  call.exchange->respond(std::move(response));
}

void answer_error(const BlobCall& call, int status, std::string_view code,
                  std::string_view message) {
  auto response = blob_error(status, code, message, call.request_id);
  response.close = status == 413 || status == 507;  // What is left of the body is not read.
  if (status == 503) {
    response.headers.add("Retry-After", "1");
  }
  answer(call, std::move(response));
}

void answer_error(const BlobCall& call, const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return answer_error(call, 404, "BlobNotFound", "The specified blob does not exist.");
    case Errc::already_exists:
      return answer_error(call, 409, "BlobAlreadyExists",
                          "The blob is committed with other bytes; a blob never changes.");
    case Errc::conflict:
      return answer_error(call, 409, "BlobBeingWritten",
                          "The blob has another writer at this moment.");
    case Errc::too_large:
      return answer_error(call, 413, "RequestBodyTooLarge",
                          "The request body or the blob exceeds the limit.");
    case Errc::mismatch:
      return answer_error(call, 422, "Sha256Mismatch",
                          "The bytes do not have the SHA-256 of x-ms-meta-sha256.");
    case Errc::invalid_input:
      return answer_error(call, 400, "InvalidInput", "One of the request inputs is not valid.");
    case Errc::protocol:
      return answer_error(call, 400, "IncompleteBody", "The body is shorter than declared.");
    case Errc::storage_full:
      return answer_error(call, 507, "InsufficientStorage", "There is no room for the bytes.");
    case Errc::corrupt:
      log_error("blob is damaged", {field("alarm", "blob_damaged"), field("why", error.message),
                                    field("request", call.request_id)});
      return answer_error(call, 503, "ServerBusy", "The server is currently unable to serve this.");
    default:
      log_warning("blob service cannot serve",
                  {field("why", error.message), field("request", call.request_id)});
      return answer_error(call, 503, "ServerBusy", "The server is currently unable to serve this.");
  }
}

void record_then(const BlobCallPtr& call, std::string kind, int status,
                 std::function<void()> then) {
  AccessRecord record;
  record.at = call->clock.now();
  record.tenant = call->access.key.tenant();
  record.kind = std::move(kind);
  record.principal = "link";
  record.token_id = protocol::sas_token_id(call->access.sas.signature);
  record.object = call->access.key.name();
  record.result = std::to_string(status);
  record.peer_ip = call->exchange->request().peer_ip;
  call->audit.append(
      std::move(record), [call, then = std::move(then)](const Result<void>& written) {
        if (written) {
          return then();
        }
        log_error("access not recorded, so refused", {field("why", written.error().message)});
        answer_error(*call, 503, "ServerBusy", "The server is currently unable to serve this.");
      });
}

}  // namespace reachback::server
