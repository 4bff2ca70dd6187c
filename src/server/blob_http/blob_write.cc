// Put Blob, Put Block, Put Block List.
#include <utility>

#include "server/blob_http/blob_call.h"
#include "server/blob_http/block_list_xml.h"
#include "server/blob_http/checksum.h"
#include "server/blob_http/disposition.h"

namespace reachback::server {
namespace {

struct Refusal {
  int status;
  std::string_view code;
  std::string_view message;
};

// What a request says about the blob to be.
struct WriteHeaders {
  BlobHeaders told;
  std::optional<Sha256> sha256;
  std::optional<std::string> md5, crc64;  // of this request's body, raw
  bool only_new = false;                  // If-None-Match: *
};

bool is_content_type(std::string_view text) {
  return text.size() <= kContentTypeBytesMax && text.find('/') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// false: there, but not the base64 of `size` bytes.
bool read_checksum(const net::Headers& h, std::string_view name, std::size_t size,
                   std::optional<std::string>& out) {
  if (auto text = h.get(name)) {
    out = from_base64(*text);
    return out && out->size() == size;
  }
  return true;
}

bool is_encoded(const net::Headers& h, std::string_view name) {
  auto coding = h.get(name);
  return coding && !coding->empty() && !equals_ignore_case(*coding, "identity");
}

std::optional<Refusal> read_headers(const net::Headers& h, bool content_type_tells,
                                    WriteHeaders& out) {
  constexpr std::string_view kBadHeader = "The value of one of the HTTP headers is not valid.";
  if (is_encoded(h, "Content-Encoding") || is_encoded(h, "x-ms-blob-content-encoding")) {
    return Refusal{415, "UnsupportedMediaType", "Bytes are stored as they are; send no encoding."};
  }
  if (h.get("Content-Range")) {
    // A part must never be taken for the whole. Source: RFC 9110 §14.5.
    return Refusal{400, "InvalidHeaderValue", kBadHeader};
  }
  if (h.get("If-Match")) {
    return Refusal{412, "ConditionNotMet", "A blob is written once; there is none to match."};
  }
  auto type = h.get("x-ms-blob-content-type");
  if (!type && content_type_tells) {
    type = h.get("Content-Type");
  }
  if (type) {
    out.told.content_type = *type;
  }
  auto disposition = h.get("x-ms-blob-content-disposition");
  auto file_name = disposition ? parse_disposition(*disposition) : std::optional<std::string>("");
  if (auto digest = h.get("x-ms-meta-sha256")) {
    out.sha256 = sha256_from_hex(*digest);
    if (!out.sha256) {
      return Refusal{400, "InvalidHeaderValue", kBadHeader};
    }
  }
  if (!is_content_type(out.told.content_type) || !file_name ||
      !read_checksum(h, "Content-MD5", 16, out.md5) ||
      !read_checksum(h, "x-ms-content-crc64", 8, out.crc64)) {
    return Refusal{400, "InvalidHeaderValue", kBadHeader};
  }
  out.told.file_name = std::move(*file_name);
  out.only_new = h.get("If-None-Match") == std::optional<std::string_view>("*");
  return std::nullopt;
}

// Compares a body with the checksums that came with it.
class BodyCheck {
 public:
  explicit BodyCheck(const WriteHeaders& headers) : md5_(headers.md5), crc64_(headers.crc64) {}
  void update(std::string_view piece) {
    if (md5_) {
      md5_stream_.update(piece);
    }
    if (crc64_) {
      crc64_stream_.update(piece);
    }
  }
  std::optional<Refusal> finish() {
    if (md5_ && md5_stream_.finish() != *md5_) {
      return Refusal{400, "Md5Mismatch", "The MD5 of the body is not that of Content-MD5."};
    }
    if (crc64_ && crc64_stream_.finish() != *crc64_) {
      return Refusal{400, "Crc64Mismatch",
                     "The CRC64 of the body is not that of x-ms-content-crc64."};
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> md5_, crc64_;
  Md5Stream md5_stream_;
  Crc64Stream crc64_stream_;
};

void answer_refusal(const BlobCall& call, const Refusal& refusal, bool close = false) {
  auto response = blob_error(refusal.status, refusal.code, refusal.message, call.request_id);
  response.close = close;
  answer(call, std::move(response));
}

void answer_written(const BlobCallPtr& call, bool only_new, const Result<Committed>& committed) {
  bool exists =
      committed ? only_new && !committed->created : committed.error().code == Errc::already_exists;
  if (exists) {
    // Somebody tried to change a result: that is worth a record.
    return record_then(call, "upload", 409, [call] {
      answer_error(*call, Error{Errc::already_exists, "the blob is committed"});
    });
  }
  if (!committed && committed.error().code == Errc::not_found) {
    return answer_error(*call, 400, "InvalidBlockList", "The specified block list is invalid.");
  }
  if (!committed) {
    return answer_error(*call, committed.error());
  }
  net::Response response = blob_response(201, call->request_id);
  response.headers.add("ETag", etag_of(committed->record));
  response.headers.add("Last-Modified", http_date(committed->record.modified));
  response.headers.add("Cache-Control", "no-store");
  answer(*call, std::move(response));
}

// A body that streams into an upload.
struct Incoming {
  BlobCallPtr call;
  std::shared_ptr<BlobUpload> upload;
  WriteHeaders headers;
  BodyCheck check;
  std::uint64_t declared = 0;

  void finish() {
    if (auto wrong = check.finish()) {
      upload.reset();
      return answer_refusal(*call, *wrong);
    }
    if (call->comp == "block") {
      call->store.finish_block(std::move(upload), [call = call](const Result<void>& kept) {
        if (!kept) {
          return answer_error(*call, kept.error());
        }
        net::Response response = blob_response(201, call->request_id);
        response.headers.add("Cache-Control", "no-store");
        answer(*call, std::move(response));
      });
      return;
    }
    call->store.finish_blob(
        std::move(upload), std::move(headers.told), headers.sha256,
        [call = call, only_new = headers.only_new](const Result<Committed>& committed) {
          answer_written(call, only_new, committed);
        });
  }
};

void receive(const std::shared_ptr<Incoming>& in) {
  if (in->declared == 0) {
    return in->finish();
  }
  net::Exchange& exchange = *in->call->exchange;
  exchange.stream_body(
      in->declared,
      [in](std::string_view piece) {
        in->check.update(piece);
        auto written = in->upload->write(piece);
        if (written) {
          return true;
        }
        in->upload.reset();
        auto response =
            written.error().code == Errc::storage_full
                ? blob_error(507, "InsufficientStorage", "There is no room for the bytes.",
                             in->call->request_id)
                : blob_error(503, "ServerBusy", "The server is currently unable to serve this.",
                             in->call->request_id);
        response.close = true;
        in->call->exchange->respond(std::move(response));
        return false;
      },
      [in](bool complete) {
        if (complete) {
          in->finish();
        } else {
          in->upload.reset();  // The connection has answered or is gone.
        }
      });
}

void put_body(const BlobCallPtr& call, WriteHeaders headers, std::uint64_t declared) {
  auto begun = [call, headers = std::move(headers),
                declared](Result<std::shared_ptr<BlobUpload>> upload) {
    if (!upload) {
      return answer_error(*call, upload.error());
    }
    auto in = std::make_shared<Incoming>(
        Incoming{call, std::move(*upload), headers, BodyCheck(headers), declared});
    call->exchange->loop().post([in] { receive(in); });
  };
  if (call->comp == "block") {
    call->store.begin_block(call->access.key, call->block_id, declared, std::move(begun));
  } else {
    call->store.begin_blob(call->access.key, declared, std::move(begun));
  }
}

void put_block_list(const BlobCallPtr& call, WriteHeaders headers) {
  net::Exchange& exchange = *call->exchange;
  exchange.read_body(kBlockListBytesMax, [call, headers = std::move(headers)](
                                             const std::shared_ptr<const net::Body>& body) {
    BodyCheck check(headers);
    check.update(body->view());
    if (auto wrong = check.finish()) {
      return answer_refusal(*call, *wrong);
    }
    auto ids = parse_block_list(body->view(), call->store.limits().blocks_max);
    if (!ids && ids.error().code == Errc::invalid_input) {
      return answer_error(*call, 400, "InvalidXmlDocument", "The XML specified is not valid.");
    }
    if (!ids && ids.error().code == Errc::too_large) {
      return answer_error(*call, 400, "BlockListTooLong", "The block list may not be so long.");
    }
    if (!ids) {
      return answer_error(*call, 400, "InvalidBlockList", "The specified block list is invalid.");
    }
    call->store.commit_blocks(
        call->access.key, std::move(*ids), headers.told, headers.sha256,
        [call, only_new = headers.only_new](const Result<Committed>& committed) {
          answer_written(call, only_new, committed);
        });
  });
}

}  // namespace

void serve_put(const BlobCallPtr& call) {
  const net::Request& request = call->exchange->request();
  const bool block = call->comp == "block", list = call->comp == "blocklist";
  if (!block && !list && !call->comp.empty()) {
    return answer_refusal(
        *call, {400, "InvalidQueryParameterValue", "comp is not an operation served here."});
  }
  if (!request.content_length && (request.has_body || !list)) {
    return answer_refusal(*call,
                          {411, "MissingContentLengthHeader", "Content-Length was not specified."},
                          request.has_body);
  }
  WriteHeaders headers;
  if (auto refusal = read_headers(request.headers, call->comp.empty(), headers)) {
    return answer_refusal(*call, *refusal);
  }
  if (block) {
    auto id = from_base64(call->block_id);
    if (!id || id->empty() || id->size() > 64 || *request.content_length == 0) {
      return answer_refusal(*call, {400, "InvalidQueryParameterValue",
                                    "blockid is the base64 of 1 to 64 bytes, and a block is not "
                                    "empty."});
    }
    call->block_id = std::move(*id);
  } else if (!list) {
    auto type = request.headers.get("x-ms-blob-type");
    if (!type) {
      return answer_refusal(
          *call, {400, "MissingRequiredHeader", "x-ms-blob-type is mandatory for this request."});
    }
    if (*type != "BlockBlob") {
      return answer_refusal(
          *call, {400, "InvalidHeaderValue", "x-ms-blob-type is BlockBlob; no other is served."});
    }
  }
  if (list && request.content_length.value_or(0) > kBlockListBytesMax) {
    return answer_error(*call, Error{Errc::too_large, "the block list"});
  }
  if (list) {
    put_block_list(call, std::move(headers));
  } else {
    put_body(call, std::move(headers), *request.content_length);
  }
}

}  // namespace reachback::server
