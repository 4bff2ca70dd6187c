// The BlobStore port in memory, with links that are signed like real ones and can be used here. Any
// thread; `done` inline unless held.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "server/ports/blob_store.h"
#include "testing/faults.h"

namespace reachback::testing {

class FakeBlobStore : public server::BlobStore {
 public:
  Result<std::string> read_link(const TenantId& tenant, const std::string& name, Timestamp expires,
                                server::LinkHost host) override;
  Result<std::string> write_link(const TenantId& tenant, const std::string& name,
                                 Timestamp expires) override;
  void stat(TenantId tenant, std::string name, Done<server::BlobInfo> done) override;
  void put(TenantId tenant, std::string name, std::string bytes,
           Done<server::BlobInfo> done) override;
  void read(TenantId tenant, std::string name, std::uint64_t max_bytes,
            Done<std::string> done) override;
  void remove(TenantId tenant, std::string name, Done<void> done) override;

  // What an agent or a reader would do over HTTP. Errors as those of verify_sas, then put and read.
  Result<server::BlobInfo> put_by_link(const std::string& url, std::string bytes, Timestamp now);
  Result<std::string> read_by_link(const std::string& url, Timestamp now) const;
  // The bytes change behind the store's back: read says corrupt from now on.
  void damage(const TenantId& tenant, const std::string& name);
  std::size_t size() const;

  Faults& faults() { return faults_; }

 private:
  using Key = std::pair<TenantId, std::string>;
  struct Blob {
    std::string bytes;
    server::BlobInfo info;
  };
  Result<std::string> link(const TenantId& tenant, const std::string& name, const char* permissions,
                           Timestamp expires, server::LinkHost host) const;
  Result<server::BlobInfo> put_now(const TenantId& tenant, const std::string& name,
                                   std::string bytes);
  Result<std::string> read_now(const Key& key, std::uint64_t max_bytes) const;

  mutable Mutex mutex_;
  std::map<Key, Blob> blobs_ RB_GUARDED_BY(mutex_);
  Faults faults_;
};

}  // namespace reachback::testing
