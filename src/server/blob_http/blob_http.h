// The part of the Azure Blob REST protocol that links lead to: readers GET and HEAD (sp=r), agents
// Put Blob, Put Block, Put Block List and Get Block List (sp=cw). What is served and what is
// refused stands in README.md. No file is opened before the link is verified.
//
// Source: Azure Blob service REST 2019-07-07, mde-spec.md §3.1, clients.md §2.4, trust.md §5.6.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "net/http_server.h"
#include "server/blob_fs/blob_fs.h"
#include "server/ports/audit_log.h"
#include "server/ports/route_row.h"

namespace reachback::server {

// Any thread. At the end: the servers first, then the store (it finishes what it has queued), then
// audit, clock, random and the loops.
class BlobHttp {
 public:
  enum class Side {
    public_url,  // only read links (sp=r), only GET and HEAD
    agents,      // write links, and read links for scripts
  };

  BlobHttp(BlobFs& store, AuditLog& audit, const Clock& clock, Random& random)
      : store_(store), audit_(audit), clock_(clock), random_(random) {}

  // The path is of the blob account: nobody else's to answer.
  bool handles(std::string_view path) const;
  // Answers, now or later. Does not block but for writes of body pieces to the page cache.
  void handle(std::shared_ptr<net::Exchange> exchange, Side side);
  static std::vector<RouteRow> route_rows(const BlobLimits& limits);

 private:
  BlobFs& store_;
  AuditLog& audit_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace reachback::server
