// Where result bytes and library files stand, and the links that lead to them. Any thread; `done`
// as in action_store.h. A blob is written once and never changes; its name is 32 random hex digits
// made by the server, so it tells nothing.
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "server/action/action.h"

namespace reachback::server {

struct BlobInfo {
  std::uint64_t bytes = 0;
  Sha256 sha256{};
};

// What a reader's client is told with the bytes.
struct BlobHeaders {
  std::string content_type = "application/octet-stream";
  std::string
      file_name;  // Content-Disposition: attachment; filename="..."; empty: plain attachment
};

enum class LinkHost { public_url, agent_listener };

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // A link that reads this blob until `expires` (cut to whole seconds). Pure arithmetic: does not
  // look whether the blob is there. Source: Azure service SAS sv=2019-07-07, sp=r (decisions.md 9,
  // 10).
  virtual Result<std::string> read_link(const TenantId& tenant, const std::string& name,
                                        const BlobHeaders& headers, Timestamp expires,
                                        LinkHost host) = 0;
  // A link that writes it (sp=cw), on the agents' listener. `headers` are what readers will get.
  virtual Result<std::string> write_link(const TenantId& tenant, const std::string& name,
                                         Timestamp expires) = 0;

  // Of a committed blob. Errors: not_found, unavailable, corrupt.
  virtual void stat(TenantId tenant, std::string name, Done<BlobInfo> done) = 0;
  // Stores bytes as a new blob, durably. Same name with the same bytes: ok. Errors: already_exists
  // (other bytes), storage_full, unavailable.
  virtual void put(TenantId tenant, std::string name, std::string bytes, Done<BlobInfo> done) = 0;
  // Whole contents, for small ones (scripts in an order). Errors: not_found, too_large, corrupt,
  // unavailable.
  virtual void read(TenantId tenant, std::string name, std::uint64_t max_bytes,
                    Done<std::string> done) = 0;
  virtual void remove(TenantId tenant, std::string name,
                      Done<void> done) = 0;  // absent is not an error
};

}  // namespace reachback::server
