// Get Blob, Get Blob Properties, Get Block List.
#include <fmt/format.h>
#include <time.h>

#include <functional>
#include <utility>

#include "base/log.h"
#include "crypto/digest.h"
#include "net/etag.h"
#include "protocol/attachment.h"
#include "server/blob_http/blob_call.h"
#include "server/blob_http/block_list_xml.h"
#include "server/blob_http/byte_range.h"

namespace reachback::server {
namespace {

// The header, unless it came more than once: then nothing can be made of it.
std::optional<std::string_view> only(const net::Headers& headers, std::string_view name) {
  return headers.count(name) == 1 ? headers.get(name) : std::nullopt;
}

void add_blob_headers(net::Response& response, const BlobCall& call, const BlobRecord& record) {
  const protocol::SasFields& sas = call.access.sas.fields;
  auto or_else = [](const std::string& signed_value, std::string_view ours) {
    return signed_value.empty() ? std::string(ours) : signed_value;
  };
  net::Headers& h = response.headers;
  h.add("ETag", etag_of(record));
  h.add("Last-Modified", http_date(record.modified));
  h.add("Accept-Ranges", "bytes");
  h.add("x-ms-blob-type", "BlockBlob");
  h.add("Cache-Control", or_else(sas.cache_control, "no-store"));
  h.add("Content-Type", or_else(sas.content_type, record.headers.content_type));
  h.add("Content-Disposition",
        or_else(sas.content_disposition, protocol::attachment(record.headers.file_name)));
  if (!sas.content_encoding.empty()) {
    h.add("Content-Encoding", sas.content_encoding);
  }
  if (!sas.content_language.empty()) {
    h.add("Content-Language", sas.content_language);
  }
}

// 304, 412, or nothing in the way. Source: RFC 9110 §13.2.2.
std::optional<int> failed_condition(const net::Headers& headers, std::string_view etag) {
  if (auto list = headers.get("If-Match"); list && !net::etag_listed(*list, etag, false)) {
    return 412;
  }
  if (auto list = headers.get("If-None-Match"); list && net::etag_listed(*list, etag, true)) {
    return 304;
  }
  return std::nullopt;
}

ByteRange wanted_range(const net::Request& request, const BlobRecord& record) {
  const net::Headers& h = request.headers;
  const std::uint64_t size = record.info.bytes;
  if (request.method != "GET") {
    return select_range(std::nullopt, size);
  }
  if (auto valid_for = h.get("If-Range"); valid_for && *valid_for != etag_of(record)) {
    return select_range(std::nullopt, size);
  }
  // Source: Azure: x-ms-range is the one that counts when both are there.
  bool azure = h.count("x-ms-range") > 0;
  return select_range(only(h, azure ? "x-ms-range" : "Range"), size);
}

// Up to this length the bytes are read once before the answer begins, so that damage is a 503.
constexpr std::uint64_t kCheckedFirstBytesMax = 1 << 20;

Error damaged(const BlobKey& key) {
  return Error{Errc::corrupt, "blob " + key.text() + " does not have its digest"};
}

Result<void> check_small(const BlobKey& key, const OpenBlob& blob) {
  std::string bytes(blob.record.info.bytes, '\0');
  RB_TRY_ASSIGN(std::size_t n, read_at(blob.file->get(), bytes.data(), bytes.size(), 0));
  if (n != bytes.size() || crypto::sha256(bytes) != blob.record.info.sha256) {
    return damaged(key);
  }
  return {};
}

// For FileBody::check, of a whole blob.
std::function<bool(std::string_view, bool)> check_while_sending(const BlobCallPtr& call,
                                                                const BlobRecord& record) {
  return [call, digest = record.info.sha256, hash = std::make_shared<crypto::Sha256Stream>()](
             std::string_view piece, bool last) {
    hash->update(piece);
    if (!last || hash->finish() == digest) {
      return true;
    }
    log_error("blob is damaged, download cut",
              {field("alarm", "blob_damaged"), field("why", damaged(call->access.key).message),
               field("request", call->request_id)});
    return false;
  };
}

void send_blob(const BlobCallPtr& call, const OpenBlob& blob) {
  const net::Request& request = call->exchange->request();
  const BlobRecord& record = blob.record;
  if (auto status = failed_condition(request.headers, etag_of(record))) {
    if (*status == 412) {
      return answer_error(*call, 412, "ConditionNotMet",
                          "The condition specified using HTTP conditional header(s) is not met.");
    }
    net::Response response = blob_response(304, call->request_id);
    response.headers.add("ETag", etag_of(record));
    response.headers.add("Cache-Control", "no-store");
    return answer(*call, std::move(response));
  }
  const ByteRange range = wanted_range(request, record);
  if (range.kind == ByteRange::Kind::unsatisfiable) {
    auto response = blob_error(
        416, "InvalidRange", "The range specified is invalid for the current size of the resource.",
        call->request_id);
    response.headers.add("Content-Range", fmt::format("bytes */{}", record.info.bytes));
    return answer(*call, std::move(response));
  }
  bool part = range.kind == ByteRange::Kind::part;
  net::Response response = blob_response(part ? 206 : 200, call->request_id);
  add_blob_headers(response, *call, record);
  if (part) {
    response.headers.add("Content-Range",
                         fmt::format("bytes {}-{}/{}", range.offset, range.offset + range.bytes - 1,
                                     record.info.bytes));
  }
  response.file = net::FileBody{blob.file, range.offset, range.bytes};
  if (request.method == "HEAD") {
    return answer(*call, std::move(response));
  }
  if (!part && record.info.bytes > kCheckedFirstBytesMax) {
    response.file->check = check_while_sending(call, record);
  } else if (!part) {
    if (auto good = check_small(call->access.key, blob); !good) {
      return answer_error(*call, good.error());
    }
  }
  // Not one byte leaves before it is written down who fetched it.
  record_then(call, "download", response.status, [call, response] { answer(*call, response); });
}

}  // namespace

std::string etag_of(const BlobRecord& record) {
  return "\"" + to_hex(as_bytes(record.info.sha256)) + "\"";
}

std::string http_date(Timestamp t) {
  time_t seconds =
      static_cast<time_t>(std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count());
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday],
                     parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

void serve_get(const BlobCallPtr& call) {
  call->store.open(call->access.key, [call](Result<OpenBlob> blob) {
    if (!blob) {
      return answer_error(*call, blob.error());
    }
    send_blob(call, *blob);
  });
}

void serve_block_list(const BlobCallPtr& call) {
  const std::string& type = call->block_list_type;
  if (!type.empty() && type != "uncommitted" && type != "all" && type != "committed") {
    return answer_error(*call, 400, "InvalidQueryParameterValue",
                        "blocklisttype is committed, uncommitted or all.");
  }
  call->store.list_blocks(call->access.key, [call](Result<std::vector<StagedBlock>> blocks) {
    if (!blocks) {
      return answer_error(*call, blocks.error());
    }
    if (call->block_list_type.empty() || call->block_list_type == "committed") {
      blocks->clear();
    }
    net::Response response = blob_response(200, call->request_id);
    response.headers.add("Content-Type", "application/xml");
    response.headers.add("Cache-Control", "no-store");
    response.body = render_block_list(*blocks);
    answer(*call, std::move(response));
  });
}

}  // namespace reachback::server
