// The links of this store: how they are written and what makes one good. Pure but for the two base
// addresses, which are known once the server listens. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "protocol/blob_sas.h"
#include "server/blob_fs/blob_record.h"

namespace reachback::server {

class BlobLinks {
 public:
  // keys: the account's keys, decoded. The first signs; links signed with any of them are good
  // until they end, so that a key can be changed without breaking links that are out.
  BlobLinks(std::string account, std::vector<Secret> keys);

  // "https://host:port" each; a slash at the end is dropped.
  void set_bases(std::string public_url, std::string agent_url);
  const std::string& account() const { return account_; }

  // permissions: "r" or "cw". Errors: unavailable (set_bases was not called).
  Result<std::string> mint(const BlobKey& key, std::string_view permissions, Timestamp expires,
                           LinkHost host) const;

  struct Access {
    BlobKey key;
    protocol::SasQuery sas;
  };
  // path and query as received, never decoded; one of the letters of `wanted` must be in sp. The
  // path has one spelling. Errors: forbidden, whatever is wrong; tells nothing about which blobs
  // exist.
  Result<Access> check(std::string_view path, std::string_view query, std::string_view wanted,
                       std::string_view peer_ip, Timestamp now) const;

 private:
  const std::string account_;
  const std::vector<Secret> keys_;
  mutable Mutex mutex_;
  std::string public_url_ RB_GUARDED_BY(mutex_);
  std::string agent_url_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
