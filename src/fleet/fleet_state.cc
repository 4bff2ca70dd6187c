#include "fleet/fleet_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "agent/os_linux/state_folder.h"
#include "crypto/digest.h"
#include "json/json.h"

namespace reachback::fleet {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kSecretBytes = 32;
// A record of `agents`: enrolled u8, has contact u8, contact 16, zeros. On disk: never changed.
constexpr std::size_t kRecordBytes = 32;
constexpr std::size_t kContactAt = 2;
constexpr std::size_t kContactBytes = 16;
constexpr std::string_view kHead = "reachback-fleet agents, format 1";
static_assert(kHead.size() == kRecordBytes);
constexpr std::uint64_t kJournalsBytesMax = std::uint64_t{4} << 30;

std::string text_of(const json::Object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// PKCS#8 of RFC 8410 around the seed.
crypto::Ed25519PrivateKey key_of_seed(std::string_view seed) {
  const std::string der = *from_hex("302e020100300506032b657004220420") + std::string(seed);
  return crypto::Ed25519PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\n" + to_base64(der) +
                                             "\n-----END PRIVATE KEY-----\n")
      .value();
}

Result<std::vector<crypto::Ed25519PublicKey>> read_keys(const json::Array& keys) {
  std::vector<crypto::Ed25519PublicKey> out;
  for (const auto& key : keys) {
    const auto der = key.is_string() ? from_base64(std::string(key.as_string())) : std::nullopt;
    RB_TRY_ASSIGN(auto parsed, crypto::Ed25519PublicKey::from_spki(der.value_or("")));
    out.push_back(std::move(parsed));
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<FleetState>> FleetState::open(const std::string& folder,
                                                     const FleetServer& given, Random& random) {
  RB_TRY(agent::make_state_folder(folder));
  auto lock = agent::lock_state_folder(folder);
  if (!lock.ok()) {
    return Error{lock.error().code, "state folder " + folder + ": another fleet runs on it"};
  }
  std::unique_ptr<FleetState> out(new FleetState(folder, std::move(*lock)));
  if (path_exists(folder + "/fleet.json")) {
    RB_TRY(out->load());
  } else if (given.url.empty() || given.ca_pem.empty()) {
    return Error{Errc::invalid_input, "state folder " + folder +
                                          ": no fleet was made there yet: --server, --ca and "
                                          "--token make one"};
  } else {
    out->secret_ = random.bytes(kSecretBytes);
  }
  const auto take = [](const std::string& from, std::string& to) { to = from.empty() ? to : from; };
  take(given.url, out->server_.url);
  take(given.ca_pem, out->server_.ca_pem);
  take(given.token, out->server_.token);
  RB_TRY(write_file_durably(folder + "/ca.pem", out->server_.ca_pem));
  MutexLock locked(out->mutex_);
  RB_TRY(out->save());
  return out;
}

Result<void> FleetState::load() {
  const Error broken{Errc::corrupt,
                     folder_ + "/fleet.json cannot be read: it is of another version"};
  RB_TRY_ASSIGN(const std::string text, read_file(folder_ + "/fleet.json", 1 << 20));
  RB_TRY_ASSIGN(server_.ca_pem, read_file(folder_ + "/ca.pem", 1 << 20));
  RB_TRY_ASSIGN(const json::Value value, json::parse(text));
  const json::Object* object = value.if_object();
  const auto* format = object != nullptr ? object->if_contains("format") : nullptr;
  const auto* keys = object != nullptr ? object->if_contains("orderKeys") : nullptr;
  if (format == nullptr || *format != kFormat || keys == nullptr || !keys->is_array()) {
    return broken;
  }
  server_.url = text_of(*object, "server");
  server_.token = text_of(*object, "enrollmentToken");
  secret_ = from_base64(text_of(*object, "secret")).value_or("");
  if (secret_.size() != kSecretBytes) {
    return broken;
  }
  MutexLock lock(mutex_);
  common_.tenant = TenantId::parse(text_of(*object, "tenantId")).value_or(TenantId());
  RB_TRY_ASSIGN(common_.order_keys, read_keys(keys->as_array()));
  const auto* version = object->if_contains("orderKeysVersion");
  if (version != nullptr && version->is_int64() && version->as_int64() > 0) {
    common_.order_keys_version = static_cast<std::uint64_t>(version->as_int64());
  }
  return {};
}

Result<void> FleetState::save() const {
  json::Array keys;
  for (const auto& key : common_.order_keys) {
    keys.emplace_back(to_base64(key.spki()));
  }
  json::Object object;
  object["format"] = kFormat;
  object["server"] = server_.url;
  object["enrollmentToken"] = server_.token;
  object["secret"] = to_base64(secret_);
  object["tenantId"] = common_.tenant.text();
  object["orderKeys"] = std::move(keys);
  object["orderKeysVersion"] = common_.order_keys_version;
  return write_file_durably(folder_ + "/fleet.json", json::write(object) + "\n");
}

Result<void> FleetState::resize(std::size_t agents) {
  RB_TRY_ASSIGN(file_, open_file(folder_ + "/agents", O_RDWR | O_CREAT));
  RB_TRY_ASSIGN(const std::string bytes, read_file(folder_ + "/agents"));
  if (!bytes.empty() && !bytes.starts_with(kHead)) {
    return Error{Errc::corrupt, folder_ + "/agents is of another version"};
  }
  if (bytes.empty()) {
    RB_TRY(write_at(file_.get(), kHead, 0));
  }
  const std::size_t known = bytes.size() / kRecordBytes;
  records_.assign(agents, Record());
  for (std::size_t i = 0; i < agents && i + 1 < known; ++i) {
    const char* from = bytes.data() + (i + 1) * kRecordBytes;
    records_[i].enrolled = from[0] != 0;
    records_[i].has_contact = from[1] != 0;
    std::memcpy(records_[i].bytes, from + kContactAt, kContactBytes);
  }
  return {};
}

crypto::Ed25519PrivateKey FleetState::key(std::size_t index) const {
  return key_of_seed(
      as_bytes(crypto::hmac_sha256(secret_, fmt::format("reachback fleet machine key {}", index))));
}

Result<void> FleetState::write(std::size_t index) const {
  std::string bytes(kRecordBytes, '\0');
  bytes[0] = records_[index].enrolled ? 1 : 0;
  bytes[1] = records_[index].has_contact ? 1 : 0;
  bytes.replace(kContactAt, kContactBytes, records_[index].bytes, kContactBytes);
  return write_at(file_.get(), bytes, (index + 1) * kRecordBytes);
}

Result<void> FleetState::set_enrolled(std::size_t index) {
  records_[index].enrolled = true;
  return write(index);
}

std::string FleetState::contact(std::size_t index) const {
  return records_[index].contact();
}

Result<void> FleetState::set_contact(std::size_t index, const std::string& contact) {
  Record& record = records_[index];
  record.has_contact = contact.size() == kContactBytes;
  std::memcpy(record.bytes, contact.data(), std::min(contact.size(), kContactBytes));
  return write(index);
}

agent::Identity FleetState::common() const {
  MutexLock lock(mutex_);
  return common_;
}

Result<void> FleetState::set_common(const agent::Identity& identity) {
  MutexLock lock(mutex_);
  const bool is_known = !common_.order_keys.empty() && common_.tenant == identity.tenant;
  if (is_known && common_.order_keys_version >= identity.order_keys_version) {
    return {};
  }
  common_.tenant = identity.tenant;
  common_.order_keys = identity.order_keys;
  common_.order_keys_version = identity.order_keys_version;
  return save();
}

Result<std::vector<std::string>> FleetState::take_journals() {
  std::vector<std::string> out(records_.size());
  const std::string path = folder_ + "/journals";
  auto bytes = read_file(path, kJournalsBytesMax);
  if (!bytes.ok()) {
    return bytes.error().code == Errc::not_found ? Result<std::vector<std::string>>(std::move(out))
                                                 : bytes.error();
  }
  if (::unlink(path.c_str()) != 0) {
    return errno_error("unlink", path);
  }
  RB_TRY(sync_folder(folder_));
  std::string_view rest = *bytes;
  std::uint32_t size = 0;
  for (std::size_t i = 0; rest.size() >= sizeof size; ++i) {
    std::memcpy(&size, rest.data(), sizeof size);
    rest.remove_prefix(sizeof size);
    out.resize(std::max(out.size(), i + 1));
    out[i] = rest.substr(0, size);
    rest.remove_prefix(std::min<std::size_t>(size, rest.size()));
  }
  return out;
}

Result<void> FleetState::save_journals(const std::vector<std::string>& journals) {
  std::string bytes;
  for (const std::string& journal : journals) {
    const auto size = static_cast<std::uint32_t>(journal.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes += journal;
  }
  return write_file_durably(folder_ + "/journals", bytes);
}

}  // namespace reachback::fleet
