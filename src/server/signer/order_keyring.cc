#include "server/signer/order_keyring.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "json/json.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::server {
namespace {

constexpr const char* kFirstKey = "order-signing.pem";
constexpr const char* kList = "order-keys.json";
constexpr std::size_t kKeysMax = 8;  // as in api/agent.proto

Error corrupt(const std::string& folder, std::string_view what) {
  return Error{Errc::corrupt, folder + "/" + kList + ": " + std::string(what)};
}

// The order with the fields of api/agent.proto and no others: what a decoder keeps of unknown ones
// is not copied.
pb::Order known_fields(const pb::Order& order) {
  pb::Order out;
  out.set_tenant(order.tenant());
  out.set_machine(order.machine());
  out.set_action(order.action());
  out.set_epoch(order.epoch());
  out.set_generation(order.generation());
  for (const pb::Command& c : order.commands()) {
    auto* command = out.add_commands();
    command->set_type(c.type());
    command->set_file_name(c.file_name());
    command->set_file_sha256(c.file_sha256());
    command->set_file_bytes(c.file_bytes());
    command->set_args(c.args());
    command->set_has_args(c.has_args());
    command->set_path(c.path());
    command->set_timeout_ms(c.timeout_ms());
    command->set_output_bytes_max(c.output_bytes_max());
    command->set_raw(c.raw());
    command->set_keep(c.keep());
  }
  out.set_window_ms(order.window_ms());
  out.set_session(order.session());
  out.set_heartbeat(order.heartbeat());
  out.set_not_after_us(order.not_after_us());
  out.set_requestor(order.requestor());
  return out;
}

std::uint64_t number_of(const json::Object& o, std::string_view key) {
  const auto* v = o.if_contains(key);
  return v != nullptr && v->is_int64() && v->get_int64() > 0
             ? static_cast<std::uint64_t>(v->get_int64())
             : 0;
}

}  // namespace

Result<pb::Order> checked_order(std::string_view bytes) {
  auto order = protocol::decode_order(bytes);
  if (!order) {
    return Error{Errc::forbidden, "not signed: " + order.error().message};
  }
  if (known_fields(*order).SerializeAsString() != bytes) {
    return Error{Errc::forbidden, "not signed: an order with something else in it"};
  }
  return std::move(*order);
}

Result<OrderKeyring::State> OrderKeyring::load(const std::string& folder) {
  State out;
  auto text = read_file(folder + "/" + kList, 1 << 20);
  if (!text && text.error().code != Errc::not_found) {
    return text.error();
  }
  if (text) {
    out.text = *text;
    auto value = json::parse(*text);
    const auto* object = value.ok() ? value->if_object() : nullptr;
    const auto* keys = object != nullptr ? object->if_contains("keys") : nullptr;
    if (keys == nullptr || !keys->is_array() || keys->get_array().empty()) {
      return corrupt(folder, "not a list of keys");
    }
    out.version = number_of(*object, "version");
    for (const auto& element : keys->get_array()) {
      const auto* entry = element.if_object();
      const auto* file = entry != nullptr ? entry->if_contains("file") : nullptr;
      if (file == nullptr || !file->is_string() || number_of(*entry, "since") == 0 ||
          number_of(*entry, "since") > out.version) {
        return corrupt(folder, "an entry cannot be read");
      }
      Key key;
      key.file = file->get_string().c_str();
      key.since = number_of(*entry, "since");
      if (key.file.find('/') != std::string::npos) {
        return corrupt(folder, "a file outside of the folder");
      }
      out.keys.push_back(std::move(key));
    }
  } else {
    out.keys.push_back(Key{kFirstKey, 1, {}, ""});
  }
  for (Key& key : out.keys) {
    RB_TRY_ASSIGN(std::string pem, read_file(folder + "/" + key.file, 1 << 16));
    RB_TRY_ASSIGN(key.key, crypto::Ed25519PrivateKey::from_pem(pem));
    key.id = to_hex(protocol::key_id(key.key.public_key()));
  }
  return out;
}

Result<std::unique_ptr<OrderKeyring>> OrderKeyring::open(const std::string& folder) {
  RB_TRY_ASSIGN(State loaded, load(folder));
  return std::unique_ptr<OrderKeyring>(new OrderKeyring(folder, std::move(loaded)));
}

OrderKeyring::OrderKeyring(std::string folder, State loaded)
    : folder_(std::move(folder)), state_(std::make_shared<const State>(std::move(loaded))) {}

std::shared_ptr<const OrderKeyring::State> OrderKeyring::state() const {
  MutexLock lock(mutex_);
  return state_;
}

Result<pb::SignedOrder> OrderKeyring::sign(std::string_view bytes,
                                           std::uint64_t order_keys_version) const {
  RB_TRY_ASSIGN(pb::Order order, checked_order(bytes));
  auto now = state();
  const Key* newest = nullptr;
  for (const Key& key : now->keys) {
    if (key.since <= order_keys_version && (newest == nullptr || key.since >= newest->since)) {
      newest = &key;
    }
  }
  if (newest == nullptr) {
    return Error{Errc::forbidden,
                 "the machine knows order keys of list " + std::to_string(order_keys_version) +
                     " only, and all of these are retired: it has to be enrolled again"};
  }
  return protocol::sign_order(order, newest->key);
}

std::uint64_t OrderKeyring::version() const {
  return state()->version;
}

std::vector<std::string> OrderKeyring::public_keys() const {
  std::vector<std::string> out;
  for (const Key& key : state()->keys) {
    out.push_back(key.key.public_key().spki());
  }
  return out;
}

pb::SignedOrderKeys OrderKeyring::announcement() const {
  auto now = state();
  pb::OrderKeys list;
  list.set_version(now->version);
  std::vector<crypto::Ed25519PrivateKey> by;
  for (const Key& key : now->keys) {
    list.add_keys(key.key.public_key().spki());
    if (key.since < now->version) {
      by.push_back(key.key);
    }
  }
  return protocol::sign_order_keys(list, by);
}

std::vector<OrderKeyring::KeyInfo> OrderKeyring::keys() const {
  std::vector<KeyInfo> out;
  for (const Key& key : state()->keys) {
    out.push_back(KeyInfo{key.id, key.since});
  }
  return out;
}

Result<std::uint64_t> OrderKeyring::oldest_list_without(const std::string& id) const {
  auto now = state();
  std::uint64_t oldest = 0;
  bool found = false;
  for (const Key& key : now->keys) {
    if (key.id == id) {
      found = true;
    } else if (oldest == 0 || key.since < oldest) {
      oldest = key.since;
    }
  }
  if (!found) {
    return Error{Errc::not_found, "no signing key has the id " + id};
  }
  if (oldest == 0) {
    return Error{Errc::conflict, "it is the only signing key: add another first"};
  }
  return oldest;
}

Result<void> OrderKeyring::save(State next) {
  json::Array keys;
  for (const Key& key : next.keys) {
    keys.push_back(json::Object{{"file", key.file}, {"since", key.since}});
  }
  next.text =
      json::write(json::Object{{"version", next.version}, {"keys", std::move(keys)}}) + "\n";
  RB_TRY(write_file_durably(folder_ + "/" + kList, next.text));
  MutexLock lock(mutex_);
  state_ = std::make_shared<const State>(std::move(next));
  return {};
}

Result<std::string> OrderKeyring::add() {
  MutexLock one(changing_);
  State next = *state();
  if (next.keys.size() >= kKeysMax) {
    return Error{Errc::conflict, "there are 8 signing keys already: retire one first"};
  }
  Key key;
  key.key = crypto::Ed25519PrivateKey::generate();
  key.id = to_hex(protocol::key_id(key.key.public_key()));
  key.file = "order-" + key.id + ".pem";
  key.since = ++next.version;
  RB_TRY(write_file_durably(folder_ + "/" + key.file, key.key.pem()));
  std::string id = key.id;
  next.keys.push_back(std::move(key));
  RB_TRY(save(std::move(next)));
  return id;
}

Result<void> OrderKeyring::retire(const std::string& id) {
  RB_TRY(oldest_list_without(id));
  MutexLock one(changing_);
  State next = *state();
  auto gone = std::find_if(next.keys.begin(), next.keys.end(),
                           [&id](const Key& key) { return key.id == id; });
  const std::string file = folder_ + "/" + gone->file;
  next.keys.erase(gone);
  ++next.version;
  RB_TRY(save(std::move(next)));
  if (::unlink(file.c_str()) != 0) {
    log_warning("the file of a retired key is still there", {field("file", file)});
  }
  return {};
}

Result<bool> OrderKeyring::reload() {
  auto text = read_file(folder_ + "/" + kList, 1 << 20);
  if ((text ? *text : std::string()) == state()->text) {
    return false;
  }
  MutexLock one(changing_);
  RB_TRY_ASSIGN(State loaded, load(folder_));
  if (loaded.version < state()->version) {
    return Error{Errc::mismatch, folder_ + ": the list of keys has gone back to an older version"};
  }
  MutexLock lock(mutex_);
  state_ = std::make_shared<const State>(std::move(loaded));
  return true;
}

}  // namespace reachback::server
