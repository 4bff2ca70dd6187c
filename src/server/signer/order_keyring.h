// The command-signing keys in a folder: each key a PEM file, and order-keys.json, which says what
// list of keys each version was. Thread-safe.
//   {"version":3,"keys":[{"file":"order-signing.pem","since":1},{"file":"order-….pem","since":2}]}
// Without order-keys.json there is one key, order-signing.pem, of version 1.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "crypto/ed25519.h"
#include "server/ports/links.h"

namespace reachback::server {

class OrderKeyring : public OrderKeys {
 public:
  // Errors: not_found, corrupt.
  static Result<std::unique_ptr<OrderKeyring>> open(const std::string& folder);

  // With the newest key of the list of `order_keys_version`: the agent knows that one.
  // Errors: forbidden (not an order within the codec's limits; no key that such an agent knows).
  Result<pb::SignedOrder> sign(std::string_view order, std::uint64_t order_keys_version) const;

  std::uint64_t version() const override;
  std::vector<std::string> public_keys() const override;
  pb::SignedOrderKeys announcement() const override;

  struct KeyInfo {
    std::string id;           // 16 hex digits
    std::uint64_t since = 0;  // the first list it is on
  };
  std::vector<KeyInfo> keys() const;  // oldest first
  // The oldest list of which a key would be left without `id`: agents with older lists obey nobody
  // any more. Errors: not_found, conflict (it is the only key).
  Result<std::uint64_t> oldest_list_without(const std::string& id) const;
  // A new key, and a new list with it. Durable when it returns. Errors: conflict (8 keys already),
  // io, storage_full.
  Result<std::string> add();
  // A new list without the key, whose file is removed.
  Result<void> retire(const std::string& id);
  // Reads the folder again if another program has changed it. True: it has.
  Result<bool> reload();

 private:
  struct Key {
    std::string file;
    std::uint64_t since = 1;
    crypto::Ed25519PrivateKey key;
    std::string id;
  };
  struct State {
    std::uint64_t version = 1;
    std::vector<Key> keys;
    std::string text;  // of order-keys.json
  };
  OrderKeyring(std::string folder, State loaded);
  static Result<State> load(const std::string& folder);
  Result<void> save(State next);
  std::shared_ptr<const State> state() const;

  const std::string folder_;
  mutable Mutex mutex_;
  Mutex changing_;  // one change at a time
  std::shared_ptr<const State> state_ RB_GUARDED_BY(mutex_);
};

// The bytes are an order that the codec takes, with nothing else in them. Errors: forbidden.
Result<pb::Order> checked_order(std::string_view bytes);

}  // namespace reachback::server
