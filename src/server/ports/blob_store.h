// Where result bytes and library files stand, and the links that lead to them. Any thread; `done`
// as in action_store.h. A blob is written once and never changes; its name is 32 random hex digits
// made by the server, so it tells nothing. Any other name is
// invalid_input in every call.
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

enum class LinkHost { public_url, agent_listener };

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // A link that reads this blob until `expires` (cut to whole seconds). Pure arithmetic: does not
  // look whether the blob is there. What the reader is told (content type, file name) was stored by
  // the writer with the bytes. Errors: unavailable (no address is known yet). Source: Azure service
  // SAS sv=2019-07-07, sp=r (decisions.md 9, 10).
  virtual Result<std::string> read_link(const TenantId& tenant, const std::string& name,
                                        Timestamp expires, LinkHost host) = 0;
  // A link that writes it (sp=cw), on the agents' listener. The writer sends what readers will be
  // told as x-ms-blob-content-type and x-ms-blob-content-disposition (only the file name of the
  // latter is kept: every download is an attachment).
  virtual Result<std::string> write_link(const TenantId& tenant, const std::string& name,
                                         Timestamp expires) = 0;

  // Of a committed blob. Errors: not_found, unavailable, corrupt.
  virtual void stat(TenantId tenant, std::string name, Done<BlobInfo> done) = 0;
  // Stores bytes as a new blob, durably, as application/octet-stream without a file name. Same name
  // with the same bytes: ok. Errors: already_exists (other bytes), storage_full, unavailable.
  virtual void put(TenantId tenant, std::string name, std::string bytes, Done<BlobInfo> done) = 0;
  // Whole contents, for small ones (scripts in an order). Errors: not_found, too_large, corrupt,
  // unavailable.
  virtual void read(TenantId tenant, std::string name, std::uint64_t max_bytes,
                    Done<std::string> done) = 0;
  virtual void remove(TenantId tenant, std::string name,
                      Done<void> done) = 0;  // absent is not an error
};

}  // namespace reachback::server
