// One request of the blob service, once its link is verified, and the answers that all of them
// share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/blob_http/blob_http.h"

namespace reachback::server {

struct BlobCall {
  BlobFs& store;
  AuditLog& audit;
  const Clock& clock;
  std::shared_ptr<net::Exchange> exchange;
  std::string request_id;
  BlobLinks::Access access;
  std::string comp;      // the operation: "", "block", "blocklist"
  std::string block_id;  // raw
  std::string block_list_type;
};
using BlobCallPtr = std::shared_ptr<BlobCall>;

// With the headers that every answer of the service has.
net::Response blob_response(int status, std::string_view request_id);
net::Response blob_error(int status, std::string_view code, std::string_view message,
                         std::string_view request_id);
void answer(const BlobCall& call, net::Response response);
void answer_error(const BlobCall& call, int status, std::string_view code,
                  std::string_view message);
// By the code of an error that the store gave.
void answer_error(const BlobCall& call, const Error& error);

// Writes the record, then runs `then`; answers 503 instead when it cannot be written.
inline constexpr std::uint64_t kBlockListBytesMax = 8 << 20;  // 50,000 ids of 64 bytes fit in

void record_then(const BlobCallPtr& call, std::string kind, int status, std::function<void()> then);

std::string etag_of(const BlobRecord& record);
// "Thu, 04 Feb 2021 16:13:50 GMT"
std::string http_date(Timestamp t);

void serve_get(const BlobCallPtr& call);  // and HEAD
void serve_block_list(const BlobCallPtr& call);
void serve_put(const BlobCallPtr& call);

}  // namespace reachback::server
