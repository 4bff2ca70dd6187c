#include "testing/fake_blob_store.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "protocol/blob_sas.h"

namespace reachback::testing {
namespace {

using server::BlobInfo;

constexpr std::string_view kAccount = "fakeaccount";
constexpr std::string_view kContainer = "investigation-actions-data";
constexpr std::string_view kKey = "the key of the fake blob account";

Result<void> check_name(const std::string& name) {
  auto raw = from_hex(name);
  if (!raw || raw->size() != 16) {
    return Error{Errc::invalid_input, "a blob's name is 32 lower-case hex digits"};
  }
  return {};
}

std::string blob_path(const TenantId& tenant, const std::string& name) {
  return tenant.text() + "/CustomPlaybookCommandOutput/" + name;
}

struct Link {
  TenantId tenant;
  std::string name;
};

Result<Link> open_link(const std::string& url, char wanted, Timestamp now) {
  const std::string prefix = "/" + std::string(kAccount) + "/" + std::string(kContainer) + "/";
  auto begin = url.find(prefix), mark = url.find('?');
  auto tenant = begin == std::string::npos
                    ? std::nullopt
                    : TenantId::parse(std::string_view(url).substr(begin + prefix.size(), 36));
  if (!tenant || mark == std::string::npos || mark < 32) {
    return Error{Errc::forbidden, "not a link of this store"};
  }
  Link link{*tenant, url.substr(mark - 32, 32)};
  RB_TRY_ASSIGN(auto query, protocol::parse_sas_query(std::string_view(url).substr(mark + 1)));
  RB_TRY(protocol::verify_sas(query, kAccount, kContainer, blob_path(link.tenant, link.name), kKey,
                              wanted, "127.0.0.1", now));
  return link;
}

}  // namespace

Result<std::string> FakeBlobStore::link(const TenantId& tenant, const std::string& name,
                                        const char* permissions, Timestamp expires,
                                        server::LinkHost host) const {
  RB_TRY(check_name(name));
  protocol::SasFields fields;
  fields.permissions = permissions;
  fields.expires = format_time_seconds(expires);
  fields.version = protocol::kSasVersion;
  fields.resource = "b";
  const std::string blob = blob_path(tenant, name);
  auto signature = protocol::sas_signature(
      protocol::sas_string_to_sign(fields, kAccount, kContainer, blob), kKey);
  return std::string(host == server::LinkHost::public_url ? "https://public.test"
                                                          : "https://agents.test") +
         "/" + std::string(kAccount) + "/" + std::string(kContainer) + "/" + blob + "?" +
         protocol::sas_query(fields, signature);
}

Result<std::string> FakeBlobStore::read_link(const TenantId& tenant, const std::string& name,
                                             Timestamp expires, server::LinkHost host) {
  return link(tenant, name, "r", expires, host);
}

Result<std::string> FakeBlobStore::write_link(const TenantId& tenant, const std::string& name,
                                              Timestamp expires) {
  return link(tenant, name, "cw", expires, server::LinkHost::agent_listener);
}

void FakeBlobStore::stat(TenantId tenant, std::string name, Done<BlobInfo> done) {
  auto result = [&]() -> Result<BlobInfo> {
    RB_TRY(check_name(name));
    if (auto refusal = faults_.refusal()) {
      return *refusal;
    }
    MutexLock lock(mutex_);
    auto it = blobs_.find({tenant, name});
    if (it == blobs_.end()) {
      return Error{Errc::not_found, "blob " + name};
    }
    return it->second.info;
  }();
  faults_.answer_read(std::move(done), std::move(result));
}

Result<BlobInfo> FakeBlobStore::put_now(const TenantId& tenant, const std::string& name,
                                        std::string bytes) {
  RB_TRY(check_name(name));
  if (auto refusal = faults_.refusal()) {
    return *refusal;
  }
  BlobInfo info{bytes.size(), crypto::sha256(bytes)};
  MutexLock lock(mutex_);
  auto [it, fresh] = blobs_.try_emplace({tenant, name}, Blob{std::move(bytes), info});
  if (!fresh && it->second.info.sha256 != info.sha256) {
    return Error{Errc::already_exists, "blob " + name + " has other bytes"};
  }
  return info;
}

void FakeBlobStore::put(TenantId tenant, std::string name, std::string bytes, Done<BlobInfo> done) {
  faults_.answer_write(std::move(done), put_now(tenant, name, std::move(bytes)));
}

Result<std::string> FakeBlobStore::read_now(const Key& key, std::uint64_t max_bytes) const {
  MutexLock lock(mutex_);
  auto it = blobs_.find(key);
  if (it == blobs_.end()) {
    return Error{Errc::not_found, "blob " + key.second};
  }
  if (it->second.info.bytes > max_bytes) {
    return Error{Errc::too_large, "blob " + key.second + " is longer than asked for"};
  }
  if (crypto::sha256(it->second.bytes) != it->second.info.sha256) {
    return Error{Errc::corrupt, "blob " + key.second + " does not have its digest"};
  }
  return it->second.bytes;
}

void FakeBlobStore::read(TenantId tenant, std::string name, std::uint64_t max_bytes,
                         Done<std::string> done) {
  auto result = [&]() -> Result<std::string> {
    RB_TRY(check_name(name));
    if (auto refusal = faults_.refusal()) {
      return *refusal;
    }
    return read_now({tenant, name}, max_bytes);
  }();
  faults_.answer_read(std::move(done), std::move(result));
}

void FakeBlobStore::remove(TenantId tenant, std::string name, Done<void> done) {
  auto result = [&]() -> Result<void> {
    RB_TRY(check_name(name));
    if (auto refusal = faults_.refusal()) {
      return *refusal;
    }
    MutexLock lock(mutex_);
    blobs_.erase({tenant, name});
    return {};
  }();
  faults_.answer_write(std::move(done), std::move(result));
}

Result<BlobInfo> FakeBlobStore::put_by_link(const std::string& url, std::string bytes,
                                            Timestamp now) {
  RB_TRY_ASSIGN(Link link, open_link(url, 'w', now));
  return put_now(link.tenant, link.name, std::move(bytes));
}

Result<std::string> FakeBlobStore::read_by_link(const std::string& url, Timestamp now) const {
  RB_TRY_ASSIGN(Link link, open_link(url, 'r', now));
  return read_now({link.tenant, link.name}, UINT64_MAX);
}

void FakeBlobStore::damage(const TenantId& tenant, const std::string& name) {
  MutexLock lock(mutex_);
  if (auto it = blobs_.find({tenant, name}); it != blobs_.end()) {
    it->second.bytes += "!";
  }
}

std::size_t FakeBlobStore::size() const {
  MutexLock lock(mutex_);
  return blobs_.size();
}

}  // namespace reachback::testing
