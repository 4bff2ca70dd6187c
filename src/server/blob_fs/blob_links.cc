#include "server/blob_fs/blob_links.h"

#include <utility>

namespace reachback::server {
namespace {

constexpr std::string_view kContainer = "investigation-actions-data";
constexpr std::string_view kFolder = "/CustomPlaybookCommandOutput/";
constexpr std::size_t kUuidLength = 36;
constexpr std::size_t kNameLength = 32;

std::string blob_path(const BlobKey& key) {
  return key.tenant().text() + std::string(kFolder) + key.name();
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

BlobLinks::BlobLinks(std::string account, std::vector<Secret> keys)
    : account_(std::move(account)), keys_(std::move(keys)) {}

void BlobLinks::set_bases(std::string public_url, std::string agent_url) {
  for (std::string* url : {&public_url, &agent_url}) {
    while (url->ends_with('/')) {
      url->pop_back();
    }
  }
  MutexLock lock(mutex_);
  public_url_ = std::move(public_url);
  agent_url_ = std::move(agent_url);
}

Result<std::string> BlobLinks::mint(const BlobKey& key, std::string_view permissions,
                                    Timestamp expires, LinkHost host) const {
  std::string base;
  {
    MutexLock lock(mutex_);
    base = host == LinkHost::public_url ? public_url_ : agent_url_;
  }
  if (base.empty()) {
    return Error{Errc::unavailable, "no link can be made before the server listens"};
  }
  protocol::SasFields fields;
  fields.permissions = permissions;
  fields.expires = format_time_seconds(expires);
  fields.version = protocol::kSasVersion;
  fields.resource = "b";
  const std::string blob = blob_path(key);
  std::string signature = protocol::sas_signature(
      protocol::sas_string_to_sign(fields, account_, kContainer, blob), keys_.front().reveal());
  return base + "/" + account_ + "/" + std::string(kContainer) + "/" + blob + "?" +
         protocol::sas_query(fields, signature);
}

Result<BlobLinks::Access> BlobLinks::check(std::string_view path, std::string_view query,
                                           std::string_view wanted, std::string_view peer_ip,
                                           Timestamp now) const {
  const Error no_blob{Errc::forbidden, "the path is not a blob's"};
  if (!take(path, "/") || !take(path, account_) || !take(path, "/") || !take(path, kContainer) ||
      !take(path, "/") || path.size() != kUuidLength + kFolder.size() + kNameLength) {
    return no_blob;
  }
  auto tenant = TenantId::parse(path.substr(0, kUuidLength));
  if (!tenant || tenant->text() != path.substr(0, kUuidLength) ||
      path.substr(kUuidLength, kFolder.size()) != kFolder) {
    return no_blob;
  }
  auto key = BlobKey::make(*tenant, path.substr(kUuidLength + kFolder.size()));
  if (!key) {
    return no_blob;
  }
  RB_TRY_ASSIGN(protocol::SasQuery sas, protocol::parse_sas_query(query));
  Error error = no_blob;
  for (const Secret& account_key : keys_) {
    for (char letter : wanted) {
      auto verdict = protocol::verify_sas(sas, account_, kContainer, path, account_key.reveal(),
                                          letter, peer_ip, now);
      if (verdict) {
        return Access{std::move(*key), std::move(sas)};
      }
      error = verdict.error();
    }
  }
  return error;
}

}  // namespace reachback::server
