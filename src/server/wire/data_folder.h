// The folder that `init` makes and `serve` lives in. ARCHITECTURE.md, "Formats on disk", says what
// stands where. The folder is 0700, keys and secrets in it are 0600.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/ed25519.h"
#include "crypto/x509.h"

namespace reachback::server {

struct DataPaths {
  explicit DataPaths(std::string dir_) : dir(std::move(dir_)) {}
  std::string dir;
  std::string format() const { return dir + "/format"; }
  std::string config() const { return dir + "/config.toml"; }
  std::string ca() const { return dir + "/ca.pem"; }
  std::string keys() const { return dir + "/keys"; }
  std::string ca_key() const { return keys() + "/ca-key.pem"; }
  std::string token_key() const { return keys() + "/token-signing.pem"; }
  std::string order_key() const { return keys() + "/order-signing.pem"; }
  std::string secrets() const { return keys() + "/secrets.json"; }
  std::string database() const { return dir + "/db/reachback.db"; }
  std::string blobs() const { return dir + "/blobs"; }
  std::string audit() const { return dir + "/audit/access.log"; }
  std::string revocations() const { return dir + "/revocations.json"; }
  std::string run() const { return dir + "/run"; }
  std::string lock() const { return run() + "/lock"; }
  std::string admin_socket() const { return run() + "/admin.sock"; }
  std::string addresses() const { return run() + "/addresses.json"; }
};

// What stands in keys/ and secrets.json.
struct DataSecrets {
  crypto::PemPair ca;
  std::string token_key_pem;  // the first one, when the folder is made; later: TokenKeyring
  std::string order_key_pem;  // likewise; later: OrderKeyring
  std::string public_url;     // empty: the bound address of each start
  std::string blob_account;   // as in links
  std::string blob_key;       // 32 bytes: signs links
  std::string blob_name_key;  // 32 bytes: names result blobs
};

// Makes the folder and everything in it but the database and the format file.
// Errors: already_exists (it holds data, or is half-made: the message says what to do), forbidden,
// storage_full, invalid_input (public_url).
Result<DataSecrets> make_data_folder(const DataPaths& paths, std::string public_url, Random& random,
                                     Timestamp now);
// The last step of init.
Result<void> finish_data_folder(const DataPaths& paths);

// Errors: not_found (no such folder, never initialised, half-made), mismatch (a newer format),
// corrupt (a key is unreadable).
Result<DataSecrets> load_data_folder(const DataPaths& paths);

// Held as long as the Fd lives: one process works on the folder. Errors: unavailable (another has
// it), forbidden.
Result<Fd> lock_data_folder(const DataPaths& paths);

// "https://host[:port]" without path; gives the host. Errors: invalid_input.
Result<std::string> host_of_public_url(const std::string& url);

}  // namespace reachback::server
